import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlaygroundError } from '../../src/base/errors.ts';
import { Random } from '../../src/base/random.ts';
import { addition, SLIP_SHARE } from '../../src/tasks/addition.ts';
import { VOCABULARY } from '../../src/tasks/tokenizer.ts';
import { corpus, expectShare } from './corpus.ts';

const PROMPT = '345+678<think>';
const RIGHT = '5+8+0=13,4+7+1=12,3+6+1=10>1023';
const accuracy = (completion: string, prompt = PROMPT): number | undefined =>
  addition.rewards['accuracy']?.(prompt, completion);
const format = (completion: string, prompt = PROMPT): number | undefined =>
  addition.rewards['format']?.(prompt, completion);

describe('addition rewards', () => {
  it('pay for the sum, whatever the thought', () => {
    for (const thought of ['', `${RIGHT} yes`, 'nonsense']) {
      expect(accuracy(`${thought}</think>1023<eos>`)).toBe(1);
      expect(format(`${thought}</think>1023<eos>`)).toBe(0.1);
    }
    expect(accuracy('</think>0<eos>', '0+0<think>')).toBe(1);
  });

  it.each(['1024', '0', '9', '0023', '102'])('pay for format alone when the answer is %s', (answer) => {
    expect(accuracy(`</think>${answer}<eos>`)).toBe(0);
    expect(format(`</think>${answer}<eos>`)).toBe(0.1);
  });

  it('do not take a leading zero for right', () => {
    expect(accuracy('</think>023<eos>', '11+12<think>')).toBe(0);
    expect(accuracy('</think>23<eos>', '11+12<think>')).toBe(1);
  });

  it.each([
    ['two ends of thought', '</think></think>1023<eos>'],
    ['no end of thought', '1023<eos>'],
    ['no end', '</think>1023'],
    ['something after the end', '</think>1023<eos>1'],
    ['an empty answer', '</think><eos>'],
    ['a sum not carried out', '</think>345+678<eos>'],
    ['a sign', '</think>+1023<eos>'],
    ['five digits', '</think>01023<eos>'],
    ['a verdict in the answer', '</think>1023 yes<eos>'],
    ['nothing', ''],
  ])('pay nothing for %s', (_, completion) => {
    expect(accuracy(completion)).toBe(0);
    expect(format(completion)).toBe(0);
  });

  it('take a prompt with <bos> and without <think>', () => {
    for (const prompt of ['<bos>345+678<think>', '345+678', '<bos>345+678'])
      expect(accuracy('</think>1023<eos>', prompt)).toBe(1);
  });

  it.each(['', '345<think>', '345+6789<think>', '045+1<think>', '3+4+5<think>', '-3+4<think>', '3,5,7>22<think>'])(
    'refuse the prompt %j, showing the form expected',
    (prompt) => {
      for (const call of [
        () => accuracy('', prompt),
        () => format('', prompt),
        () => addition.attempts(prompt, ''),
        () => addition.describe(prompt),
      ]) {
        expect(call).toThrow(PlaygroundError);
        expect(call).toThrow('345+678<think>');
        expect(call).toThrow(expect.objectContaining({ name: 'bad-settings' }));
      }
    },
  );

  it('agree with plain addition on any tokens', () => {
    const symbols = fc.array(fc.constantFrom(...VOCABULARY), { maxLength: 8 }).map((tokens) => tokens.join(''));
    const number = fc.nat(999);
    const game = fc.tuple(number, number, symbols, fc.nat(20), fc.nat(3), fc.boolean());
    fc.assert(
      fc.property(game, ([a, b, noise, position, cut, garbage]) => {
        const clean = `5+8+0=13 no</think>${a + b}<eos>`;
        const completion = garbage ? noise : clean.slice(0, position) + noise + clean.slice(position + cut);
        const prompt = `${a}+${b}<think>`;
        const digits = /^(?:(?!<\/think>|<eos>).)*<\/think>([0-9]+)<eos>$/u.exec(completion)?.[1];
        expect(accuracy(completion, prompt)).toBe(digits === `${a + b}` ? 1 : 0);
        expect(format(completion, prompt)).toBe(digits !== undefined && digits.length <= 4 ? 0.1 : 0);
        expect(() => addition.attempts(prompt, completion)).not.toThrow();
      }),
      { numRuns: 2000, seed: 1 },
    );
  });
});

describe('addition attempts', () => {
  const judged = (text: string, prompt = PROMPT) => addition.attempts(prompt, `${text} yes`)[0];

  it('are judged by the truth', () => {
    const slip = '5+8+0=13,4+7+0=11,3+6+1=10>1013';
    expect(addition.attempts(PROMPT, `${slip} no wait ${RIGHT} yes</think>1023<eos>`)).toEqual([
      { text: slip, right: false, arithmetic: false, verdict: 'no', verdictRight: true, waited: true, repeated: false },
      { text: RIGHT, right: true, arithmetic: true, verdict: 'yes', verdictRight: true, waited: false, repeated: false },
    ]); // prettier-ignore
  });

  it('write one column for every digit of the longer number', () => {
    expect(judged('8+5+0=13,9+0+1=10>103', '98+5')).toMatchObject({
      right: true,
      arithmetic: true,
      verdictRight: true,
    });
    expect(judged('5+8+0=13,0+9+1=10>103', '5+98')).toMatchObject({
      right: true,
      arithmetic: true,
      verdictRight: true,
    });
    expect(judged('0+0+0=0>0', '0+0')).toMatchObject({ right: true, arithmetic: true, verdictRight: true });
    expect(judged('1+1+0=2,0+0+0=0>02', '1+1')).toMatchObject({ right: false, arithmetic: true, verdictRight: false });
  });

  it.each([
    ['a wrong sum', '5+8+0=14,4+7+1=12,3+6+1=10>1024'],
    ['a carry forgotten', '5+8+0=13,4+7+0=11,3+6+1=10>1013'],
    ['a carry out of nowhere', '5+8+1=14,4+7+1=12,3+6+1=10>1024'],
    ['a total that does not follow', '5+8+0=13,4+7+1=12,3+6+1=10>1024'],
    ['a total that is right but does not follow', '5+8+0=13,4+7+0=11,3+6+1=10>1023'],
    ['no total', '5+8+0=13,4+7+1=12,3+6+1=10'],
    ['two totals', '5+8+0=13,4+7+1=12,3+6+1=10>1023>1023'],
    ['a sum with a leading zero', '5+8+0=13,4+7+1=12,3+6+1=010>1023'],
    ['an empty column', '5+8+0=13,,3+6+1=10>1023'],
    ['the problem alone', '345+678=1023'],
    ['the total alone', '>1023'],
  ])('are no good arithmetic with %s', (_, text) => {
    expect(judged(text)).toMatchObject({ arithmetic: false, verdictRight: false });
  });

  it('deserve no yes for adding other numbers rightly', () => {
    expect(judged('5+7+0=12,4+7+1=12,3+6+1=10>1022')).toMatchObject({ arithmetic: true, verdictRight: false });
    expect(judged('3+0+0=3,2+0+0=2,0+0+0=0,1+0+0=1>1023')).toMatchObject({ right: true, verdictRight: false });
  });

  it('are right exactly if their total is the sum', () => {
    expect(judged('5+8+0=13,4+7+0=11,3+6+1=10>1023')).toMatchObject({ right: true });
    expect(judged('5+8+0=13,4+7+1=12,3+6+1=10>1024')).toMatchObject({ right: false });
  });
});

const canonical = (prompt: string): string =>
  prompt.replace('<think>', '').split('+').map(Number).sort((a, b) => a - b).join('+'); // prettier-ignore

describe('the problems of addition', () => {
  it('never draw a held-out problem in either order', () => {
    const heldOut = new Set(addition.heldOut.map(canonical));
    const random = new Random(7);
    for (let draw = 0; draw < 20000; draw++) {
      expect(heldOut.has(canonical(addition.samplePrompt(random)))).toBe(false);
      expect(heldOut.has(canonical(addition.sampleDemonstration(random, 0.1).prompt))).toBe(false);
    }
  });

  it('have numbers of one, two and three digits alike', () => {
    const random = new Random(3);
    const lengths = Array.from({ length: 9000 }, () => addition.samplePrompt(random).split('+')[0]?.length);
    for (const length of [1, 2, 3]) expectShare(lengths.filter((one) => one === length).length, 9000, 1 / 3);
  });

  it('are shown to a person', () => {
    expect(addition.describe(PROMPT)).toBe('345 + 678');
  });
});

describe('the corpus of addition', () => {
  it('slips in a fixed share of the attempts and otherwise calculates right', () => {
    const attempts = corpus(addition, 4000, 0.1).flatMap(({ prompt, completion }) =>
      addition.attempts(prompt, completion),
    );
    for (const attempt of attempts) expect(attempt.arithmetic).toBe(attempt.right);
    expectShare(attempts.filter(({ right }) => !right).length, attempts.length, SLIP_SHARE);
  });

  it('slips once, and follows the slip faithfully', () => {
    let forgotten = 0;
    for (const { prompt, completion } of corpus(addition, 4000, 0)) {
      const [work = '', total = ''] = (completion.split(' ')[0] ?? '').split('>');
      const columns = work.split(',').map((column) => column.split(/[+=]/u).map(Number));
      const [first = NaN, second = NaN] = prompt.replace('<think>', '').split('+').map(Number);
      expect(columns).toHaveLength(Math.max(`${first}`.length, `${second}`.length));
      let [slips, value, tens] = [0, 0, 0];
      for (const [place, [a = NaN, b = NaN, carry = NaN, sum = NaN]] of columns.entries()) {
        expect(a).toBe(Math.floor(first / 10 ** place) % 10);
        expect(b).toBe(Math.floor(second / 10 ** place) % 10);
        if (carry !== tens) {
          expect([carry, tens]).toEqual([0, 1]);
          slips += 1;
          forgotten += 1;
        }
        if (a + b + carry !== sum) slips += 1;
        tens = Math.floor(sum / 10);
        value += (place === columns.length - 1 ? sum : sum % 10) * 10 ** place;
      }
      expect(total).toBe(`${value}`);
      expect(slips).toBe(value === first + second ? 0 : 1);
    }
    expect(forgotten).toBeGreaterThan(0);
  });

  it('fills the length with three or four attempts where it always waits', () => {
    const counts = corpus(addition, 2000, 0.999)
      .filter(({ prompt }) => /^\d{3}\+\d{3}/u.test(prompt))
      .map(({ prompt, completion }) => addition.attempts(prompt, completion).length);
    expect(Math.min(...counts)).toBe(3);
    expect(Math.max(...counts)).toBe(4);
  });
});
