/** The keys of a script's call, each once, by their places. */

/** The keys of a call, and what those after the first ones are used for. */
export class KeyTable {
  /** Those with a place of their own, and after them the others, each once. */
  readonly names: string[];
  /** "o" appended to, "h" a hash. */
  readonly letters: ("o" | "h")[] = [];
  readonly #places = new Map<string, number>();

  constructor(names: string[]) {
    this.names = names;
  }

  /** The key's place in KEYS. */
  place(name: string, letter: "o" | "h"): number {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = this.names.push(name);
    this.#places.set(name, place);
    this.letters.push(letter);
    return place;
  }
}
