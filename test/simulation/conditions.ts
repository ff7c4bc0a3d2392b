/** What all observers of one history share: what they have found, what is told of it, and what they cannot know for now. */

import type { World } from "./world.ts";

/** What all observers of a history know. */
export class Conditions {
  /** Some keys cannot be looked into for now. */
  isBlind = false;
  /** A node has gone back and the others have not: an output may be there whose source is not. */
  hasNodeGoneBack = false;
  /** The server's clock was set back, or may have been. */
  isClockBack = false;
  /** Events that somebody has removed from the log. */
  readonly removed: Set<string> = new Set();
  readonly violations: string[] = [];
  /** What happened, a line each: the same seed gives the same lines. Empty unless they are to be told. */
  readonly lines: string[] = [];
  readonly isTold: boolean;
  readonly #world: World;

  constructor(world: World, isTold: boolean) {
    this.#world = world;
    this.isTold = isTold;
  }

  get now(): number {
    return this.#world.now;
  }

  /** `line` is made where it is told only. */
  say(line: () => string): void {
    if (this.isTold) this.lines.push(`${this.now.toFixed(3)} ${line()}`);
  }

  violated(text: string): void {
    this.say(() => `VIOLATION ${text}`);
    this.violations.push(text);
  }
}
