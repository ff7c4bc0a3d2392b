/** `ResourceStack`: resources that are disposed of together, the last one first. Node has a class for this only from version 24 on. */

export class ResourceStack implements AsyncDisposable {
  readonly #disposals: (() => void | PromiseLike<void>)[] = [];

  use<R extends AsyncDisposable>(resource: R): R {
    this.defer(() => resource[Symbol.asyncDispose]());
    return resource;
  }

  defer(dispose: () => void | PromiseLike<void>): void {
    this.#disposals.push(dispose);
  }

  /** Disposes of all, even if one of them fails; the first failure is thrown at the end. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let dispose = this.#disposals.pop(); dispose !== undefined; dispose = this.#disposals.pop()) {
      try {
        await dispose();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
