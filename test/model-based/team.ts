/** The members of a run's component: the present ones, those that fit a step, and their starts and ends. */

import type { Log } from "../../src/index.ts";
import type { Expected } from "./expected.ts";
import type { Setting } from "./steps.ts";
import { Member } from "./work.ts";

const maxMembers = 3;
/** Fewer than what makes an entry suspect of killing its process. */
const maxCrashes = 2;

export interface TeamOptions {
  readonly setting: Setting;
  readonly redisUrl: string;
  readonly namespace: string;
  readonly log: Log;
  readonly expected: Expected;
  /** Takes what a crashed member leaves behind in this process. */
  readonly leftovers: (ending: Promise<void>) => void;
}

export class Team {
  readonly #options: TeamOptions;
  readonly #members: Member[] = [];
  #started = 0;
  #crashes = 0;

  constructor(options: TeamOptions) {
    this.#options = options;
  }

  /** True once any member has started: the component has its group from then on. */
  get hasStarted(): boolean {
    return this.#started > 0;
  }

  get isFull(): boolean {
    return this.#members.length >= maxMembers;
  }

  get crashes(): number {
    return this.#crashes;
  }

  get mayCrash(): boolean {
    return this.#crashes < maxCrashes;
  }

  /** Members that do their work. */
  get serving(): readonly Member[] {
    return this.#members.filter(({ isPaused }) => !isPaused);
  }

  /** Somebody works, and whoever owns the partition does. */
  get isFree(): boolean {
    return this.#members.length > 0 && this.#members.every(({ isPaused, isOccupied }) => !isPaused && !isOccupied);
  }

  choose(who: number, fits: (member: Member) => boolean = () => true): Member | undefined {
    const fitting = this.#members.filter(fits);
    return fitting[who % Math.max(1, fitting.length)];
  }

  async start(): Promise<void> {
    const name = `m${++this.#started}`;
    const { setting, redisUrl, namespace, log, expected } = this.#options;
    const { mended } = expected;
    const witness = { mended };
    this.#members.push(await Member.start(name, redisUrl, namespace, setting, log, witness));
  }

  async drain(member: Member): Promise<void> {
    this.#members.splice(this.#members.indexOf(member), 1);
    await member.drain();
  }

  crash(member: Member): void {
    this.#crashes++;
    this.#members.splice(this.#members.indexOf(member), 1);
    this.#options.leftovers(member.crash());
  }

  resumeAll(): void {
    for (const member of this.#members) member.resume();
  }

  /** One after the other. */
  async drainAll(): Promise<void> {
    for (const member of this.#members.splice(0)) await member.drain();
  }

  /** Crashes every member at the end of the run, whatever its result. */
  abandon(): void {
    for (const member of this.#members) this.#options.leftovers(member.crash());
  }
}
