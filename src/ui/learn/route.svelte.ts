// Which page is shown, by the address after "#": nothing is the playground, `#learn/formula` a section of the Learn page, `#try` the Try page.
// The part before it, the settings of the form, is left alone, so that a link to a section keeps them.
export class Route {
  #hash = $state(location.hash);

  constructor() {
    addEventListener('hashchange', () => (this.#hash = location.hash));
  }

  get learning(): boolean {
    return /^#learn(\/|$)/.test(this.#hash);
  }

  get trying(): boolean {
    return this.#hash === '#try';
  }

  /** Of the Learn page, as the address names it; empty where it names none. */
  get section(): string {
    return this.#hash.replace(/^#learn\/?/, '');
  }
}
