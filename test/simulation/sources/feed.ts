/** The outside system: in each of its parts it numbers what it says from 1, tells it again from any number, and hangs up when it pleases. */

import type { Fence } from "../../../src/ownership/fence.ts";
import type { Host } from "../host.ts";
import { Outside } from "../outside.ts";
import type { Random } from "../random.ts";
import type { World } from "../world.ts";

export interface Message {
  readonly part: number;
  /** From 1. */
  readonly n: number;
  readonly key: string;
}

export class Feed {
  readonly #world: World;
  readonly #random: Random;
  readonly #said: Message[][];
  readonly #lines = new Set<Line>();
  readonly #outside = new Outside();

  constructor(world: World, random: Random, parts: number) {
    this.#world = world;
    this.#random = random;
    this.#said = Array.from({ length: parts }, () => []);
  }

  /** How much it has said in a part. */
  countOf(part: number): number {
    return (this.#said[part] as Message[]).length;
  }

  say(part: number, key: string): void {
    const said = this.#said[part] as Message[];
    said.push({ part, n: said.length + 1, key });
    for (const line of this.#lines) if (line.part === part) this.#tellLater(line);
  }

  /**
   * A line from a host that is told what comes after a number; undefined for whoever comes with a lower fence than somebody before, or an equal
   * one with another token. Without a fence anybody may have one.
   */
  open(host: Host, part: number, after: number, fence: Fence | undefined): Line | undefined {
    if (fence !== undefined && !this.#outside.admit(part, fence)) return undefined;
    const line = new Line(host, part, after);
    this.#lines.add(line);
    this.#tellLater(line);
    return line;
  }

  close(line: Line): void {
    this.#lines.delete(line);
  }

  /** The lines of a part break, or those of all. */
  hangUp(part: number | undefined): void {
    for (const line of [...this.#lines]) {
      if (part !== undefined && line.part !== part) continue;
      this.#lines.delete(line);
      line.host.enter(() => line.broken());
    }
  }

  #tellLater(line: Line): void {
    this.#world.after(this.#random.between(0, 8), () => {
      if (this.#lines.has(line)) line.host.enter(() => line.tell(this.#said[line.part] as Message[]));
    });
  }
}

/** A connection to the outside system, as its host has it. */
export class Line {
  readonly host: Host;
  readonly part: number;
  /** What has come, and was not taken. */
  #here: Message[] = [];
  #last: number;
  #isBroken = false;
  #wake: (() => void) | undefined;

  constructor(host: Host, part: number, after: number) {
    this.host = host;
    this.part = part;
    this.#last = after;
  }

  tell(said: readonly Message[]): void {
    this.#here.push(...said.slice(this.#last));
    this.#last = Math.max(this.#last, said.length);
    this.#wake?.();
  }

  broken(): void {
    this.#isBroken = true;
    this.#wake?.();
  }

  /** Resolves with what has come, one thing or more; with nothing when the signal aborts or `ms` have passed. @throws when it breaks */
  async next(most: number, ms: number, signal: AbortSignal): Promise<readonly Message[]> {
    let isOver = signal.aborted;
    const end = (): void => {
      isOver = true;
      this.#wake?.();
    };
    signal.addEventListener("abort", end, { once: true });
    const cancel = this.host.after(ms, end);
    while (!isOver && !this.#isBroken && this.#here.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    cancel();
    signal.removeEventListener("abort", end);
    if (this.#isBroken) throw new Error("the outside system has hung up");
    return this.#here.splice(0, most);
  }
}
