// Light or dark: the system's choice until the visitor makes another, which is kept.
const KEY = 'theme';

export type ThemeName = 'light' | 'dark';

export class Theme {
  #name = $state<ThemeName>('light');

  constructor() {
    const system = matchMedia('(prefers-color-scheme: dark)');
    const stored = localStorage.getItem(KEY);
    this.#apply(stored === 'light' || stored === 'dark' ? stored : system.matches ? 'dark' : 'light');
    system.addEventListener('change', ({ matches }) => {
      if (localStorage.getItem(KEY) === null) this.#apply(matches ? 'dark' : 'light');
    });
  }

  get name(): ThemeName {
    return this.#name;
  }

  toggle(): void {
    this.#apply(this.#name === 'dark' ? 'light' : 'dark');
    localStorage.setItem(KEY, this.#name);
  }

  #apply(name: ThemeName): void {
    this.#name = name;
    document.documentElement.dataset['theme'] = name;
  }
}
