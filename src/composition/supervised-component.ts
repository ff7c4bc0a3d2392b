/** A component as a backbone gives it out: refuses what can never come, and leaves each error with one who hears it. */

import type { Component, ComponentHealth } from "../consume/component.ts";
import { ConfigError, DrainTimeoutError } from "../model/errors.ts";
import type { EventRef } from "../model/event.ts";
import type { Finished } from "../ports/slice-store.ts";

export interface Supervision {
  readonly channels: readonly string[];
  /** False while the component's own connection to Redis is lost. */
  readonly isConnected: () => boolean;
  /** Refuses a name that lives with other channels. Waits while Redis is away, until the signal aborts. @throws {ConfigError} */
  readonly admit: (signal: AbortSignal) => Promise<void>;
  /** True where a member of the component runs in any process, and while Redis is away, when nobody can say. */
  readonly isServed: () => Promise<boolean>;
}

/** How long a component that does not run is given to be run, and how often others' members are then looked for, ms. */
const lookMs = 500;

export class SupervisedComponent implements Component {
  readonly #component: Component;
  readonly #supervision: Supervision;
  /** Aborts when it is to be drained, so that nothing of its start is waited for. */
  readonly #stop = new AbortController();
  readonly #refused = Promise.withResolvers<never>();
  readonly #ready: Promise<void>;
  #wasRun = false;

  constructor(component: Component, supervision: Supervision) {
    this.#component = component;
    this.#supervision = supervision;
    this.#ready = Promise.race([component.ready(), this.#refused.promise]);
    // Whoever awaits it gets the error; that nobody does is no error of its own.
    this.#ready.catch(() => undefined);
  }

  get name(): string {
    return this.#component.name;
  }

  get member(): string {
    return this.#component.member;
  }

  get owned(): readonly number[] {
    return this.#component.owned;
  }

  get channels(): readonly string[] {
    return this.#supervision.channels;
  }

  get health(): ComponentHealth {
    const { health } = this.#component;
    if (!health.isReady || this.#supervision.isConnected()) return health;
    return { ...health, isReady: false, reason: "Redis does not answer" };
  }

  run(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#run(signal).then(resolve, (error: unknown) => {
      // Whoever closes the backbone before he awaits the run must not lose his process to it. The drain has logged the error.
      if (error instanceof DrainTimeoutError) promise.catch(() => undefined);
      reject(error);
    });
    return promise;
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  pause(): Promise<void> {
    return this.#component.pause();
  }

  resume(): void {
    this.#component.resume();
  }

  drain(): Promise<void> {
    this.#stop.abort();
    return this.#component.drain();
  }

  async whenSettled(ref: EventRef, signal?: AbortSignal): Promise<Finished> {
    if (!this.#supervision.channels.includes(ref.channel)) {
      throw new ConfigError(
        `component "${this.name}" does not consume "${ref.channel}": it will never settle event ${ref.id}`,
      );
    }
    return this.#whileServed((end) => this.#component.whenSettled(ref, end), signal);
  }

  async whenIdle(signal?: AbortSignal): Promise<void> {
    return this.#whileServed((end) => this.#component.whenIdle(end), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#component[Symbol.asyncDispose]();
  }

  async #run(signal: AbortSignal | undefined): Promise<void> {
    if (this.#wasRun) {
      throw new ConfigError(`component "${this.name}" can be run once, and has been: make another one`);
    }
    this.#wasRun = true;
    const stop = signal === undefined ? this.#stop.signal : AbortSignal.any([this.#stop.signal, signal]);
    try {
      if (!stop.aborted) await this.#supervision.admit(stop);
    } catch (error) {
      if (!stop.aborted) {
        this.#refused.reject(error);
        await this.#component.drain();
        throw error;
      }
    }
    if (this.#stop.signal.aborted) return this.#component.drain();
    return this.#component.run(signal);
  }

  /** Waits for an answer; where this one was not run, only while a member runs elsewhere. @throws {ConfigError} */
  async #whileServed<T>(wait: (end: AbortSignal) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const unserved = new AbortController();
    const end = signal === undefined ? unserved.signal : AbortSignal.any([unserved.signal, signal]);
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const stop = (): void => reject(end.reason);
    end.addEventListener("abort", stop, { once: true });
    const look = setInterval(() => {
      if (this.#wasRun) clearInterval(look);
      else this.#look(unserved);
    }, lookMs);
    try {
      end.throwIfAborted();
      return await Promise.race([wait(end), ended]);
    } finally {
      clearInterval(look);
      end.removeEventListener("abort", stop);
    }
  }

  #look(unserved: AbortController): void {
    this.#supervision.isServed().then(
      (isServed) => {
        if (isServed || this.#wasRun) return;
        unserved.abort(new ConfigError(`component "${this.name}" does not run, here or elsewhere: call run() first`));
      },
      () => undefined, // looked at again
    );
  }
}
