/** The promise of a publish in a handler: it knows whether anybody hears of its failure. */

interface Failure {
  readonly error: unknown;
}

/**
 * Rejects without ending the process where nobody handles it. `watch` is told of it and of each promise that passes its failure on, so that
 * a chain which nobody awaits is found by its end.
 */
export class OutputPromise<T> extends Promise<T> {
  #isHeard = false;
  #watch: ((promise: OutputPromise<unknown>) => void) | undefined;
  /** While `finally` calls `then`: its handlers pass a failure on. */
  #isPassedOn = false;
  /** The promise whose failure this one passes on. */
  #source: OutputPromise<unknown> | undefined;

  static watched<T>(promise: Promise<T>, watch: (promise: OutputPromise<unknown>) => void): OutputPromise<T> {
    return new OutputPromise<T>((resolve) => resolve(promise)).#begin(watch);
  }

  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isHeard = true;
    const made = super.then(fulfilled, rejected);
    // Whoever gave a handler for failures has heard; what comes of the handler is its own affair.
    if (
      this.#watch !== undefined &&
      made instanceof OutputPromise &&
      (this.#isPassedOn || typeof rejected !== "function")
    ) {
      made.#source = this;
      made.#begin(this.#watch);
    }
    return made;
  }

  override finally(ended?: (() => void) | null): Promise<T> {
    this.#isPassedOn = true;
    try {
      return super.finally(ended);
    } finally {
      this.#isPassedOn = false;
    }
  }

  /** Resolves when it has ended well or somebody has heard of its failure. @throws the failure that nobody heard of */
  async heard(): Promise<void> {
    const failure = await this.#failure();
    if (failure !== undefined && !this.#isHeard) throw failure.error;
  }

  /** Undefined where it ends well, and where what it was made of did: then it may wait for anything. */
  async #failure(): Promise<Failure | undefined> {
    if (this.#source !== undefined && (await this.#source.#failure()) === undefined) return undefined;
    return await new Promise((resolve) => {
      super.then(
        () => resolve(undefined),
        (error: unknown) => resolve({ error }),
      );
    });
  }

  #begin(watch: (promise: OutputPromise<unknown>) => void): this {
    this.#watch = watch;
    super.then(undefined, () => undefined); // `heard` tells of it
    watch(this);
    return this;
  }
}
