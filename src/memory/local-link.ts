/** A link within the process: calls are done at once, in their order. */

import { StoreError } from "../model/errors.ts";
import type { Link } from "./link.ts";

export class LocalLink implements Link {
  readonly #closed = Promise.withResolvers<never>();
  #isClosed = false;

  constructor() {
    this.#closed.promise.catch(() => undefined); // whoever still waits is told
  }

  async call<T>(run: () => T): Promise<T> {
    if (this.#isClosed) return await this.#closed.promise;
    return run();
  }

  wait<T>(run: (answer: (value: T) => void, refuse: (refusal: unknown) => void) => () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = run(resolve, reject);
      this.#closed.promise.catch((lost: unknown) => {
        giveUp();
        reject(lost);
      });
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#closed.reject(new StoreError("the session is closed"));
  }
}
