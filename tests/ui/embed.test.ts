import { describe, expect, it } from 'vitest';
import { addressInFull, findView, snippet, VIEWS } from '../../src/ui/embed/views.ts';
import { SECTIONS } from '../../src/ui/learn/sections.ts';

describe('the views for other pages', () => {
  it('are those of a run and every section of the Learn page', () => {
    expect(VIEWS.map(({ id }) => id)).toEqual(['group', 'curves', 'aha', ...SECTIONS.map(({ id }) => `learn/${id}`)]);
  });

  it('fall back on the group where the address names none that there is', () => {
    expect(findView('learn/formula').title).toBe('The formula');
    expect(findView('learn').id).toBe('group');
  });

  it('lead to the page in full, with the settings and the section', () => {
    expect(addressInFull('', findView('group'))).toBe('./');
    expect(addressInFull('preset=no-aha&seed=7', findView('learn/aha'))).toBe('./?preset=no-aha&seed=7#learn/aha');
  });

  it('have HTML that keeps the settings in an attribute', () => {
    const html = snippet('https://lesson.example/grpo/', 'seed=7&beta=0', findView('curves'));
    expect(html).toContain('src="https://lesson.example/grpo/?embed=curves&amp;seed=7&amp;beta=0"');
    expect(html.match(/<script>|<\/script>/g)).toHaveLength(2);
  });
});
