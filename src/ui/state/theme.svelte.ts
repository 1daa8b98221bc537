// Light or dark: the system's choice until the visitor makes another, which is kept.
const KEY = 'theme';

export type ThemeName = 'light' | 'dark';

export class Theme {
  #name = $state<ThemeName>('light');

  constructor() {
    const system = matchMedia('(prefers-color-scheme: dark)');
    const stored = recall();
    this.#apply(stored === 'light' || stored === 'dark' ? stored : system.matches ? 'dark' : 'light');
    system.addEventListener('change', ({ matches }) => {
      if (recall() === null) this.#apply(matches ? 'dark' : 'light');
    });
  }

  get name(): ThemeName {
    return this.#name;
  }

  toggle(): void {
    this.#apply(this.#name === 'dark' ? 'light' : 'dark');
    try {
      localStorage.setItem(KEY, this.#name);
    } catch {
      // Then the choice is not kept.
    }
  }

  #apply(name: ThemeName): void {
    this.#name = name;
    document.documentElement.dataset['theme'] = name;
  }
}

/** Null also where the browser lets nothing be kept, as it may in an <iframe> of another site. */
function recall(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
