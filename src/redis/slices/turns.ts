/** Things that are looked at a few at a time, each when its turn comes. */

export class Turns {
  readonly #all: readonly string[];
  readonly #most: number;
  #next = 0;

  constructor(all: readonly string[], most: number) {
    this.#all = all;
    this.#most = most;
  }

  /** All of them where they are few. */
  next(): readonly string[] {
    if (this.#all.length <= this.#most) return this.#all;
    const turn = this.#all.slice(this.#next, this.#next + this.#most);
    this.#next = this.#next + this.#most >= this.#all.length ? 0 : this.#next + this.#most;
    return turn;
  }
}
