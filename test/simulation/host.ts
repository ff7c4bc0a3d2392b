/** A member's host: its clocks, which somebody may set or stop, and its process, which may be stopped, suspended or killed. */

import type { Chance, Clock } from "../../src/ports/clock.ts";
import type { Random } from "./random.ts";
import { beginning, type World } from "./world.ts";

export class Host implements Clock, Chance {
  readonly name: string;
  readonly random: Random;
  readonly #world: World;
  /** The wall clock's error, ms. */
  wallErrorMs = 0;
  isDead = false;
  /** Set while it is stopped or suspended. */
  #stoppedAt: number | undefined;
  #isSuspended = false;
  /** For how long its monotonic clock has stood still so far, ms. */
  #suspendedMs = 0;
  /** What should have happened while it was stopped. */
  #held: (() => void)[] = [];
  #tokens = 0;

  constructor(name: string, world: World, random: Random) {
    this.name = name;
    this.#world = world;
    this.random = random;
  }

  now(): number {
    const still = this.#isSuspended ? this.#world.now - (this.#stoppedAt ?? this.#world.now) : 0;
    return this.#world.now - this.#suspendedMs - still;
  }

  wallNow(): number {
    return beginning + this.#world.now + this.wallErrorMs;
  }

  after(ms: number, run: () => void): () => void {
    const due = this.now() + ms;
    const enter = (): void => this.enter(fire);
    let timer = this.#world.after(ms, enter);
    const fire = (): void => {
      const early = due - this.now();
      if (early > 0.001) timer = this.#world.after(early, enter);
      else run();
    };
    return () => timer.cancel();
  }

  soon(run: () => void): void {
    this.#world.after(0, () => this.enter(run));
  }

  number(): number {
    return this.random.next();
  }

  token(): string {
    return `${this.name}-${++this.#tokens}`;
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Runs something in the process: at once, when it goes on, or never. */
  enter(run: () => void): void {
    if (this.isDead) return;
    if (this.#stoppedAt === undefined) run();
    else this.#held.push(run);
  }

  get isStopped(): boolean {
    return this.#stoppedAt !== undefined;
  }

  /** SIGSTOP, or an event loop that stands still; with `isSuspended` the whole host, and its monotonic clock with it. */
  stop(isSuspended: boolean): void {
    if (this.#stoppedAt !== undefined) return;
    this.#stoppedAt = this.#world.now;
    this.#isSuspended = isSuspended;
  }

  goOn(): void {
    if (this.#stoppedAt === undefined) return;
    if (this.#isSuspended) this.#suspendedMs += this.#world.now - this.#stoppedAt;
    this.#stoppedAt = undefined;
    this.#isSuspended = false;
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.#world.after(0, () => this.enter(run));
  }

  kill(): void {
    this.isDead = true;
    this.#held = [];
  }
}
