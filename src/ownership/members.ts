/** The members of a component as one of them sees them: who lives, and so which partitions it should own. */

import { isRefusal, type ThroughlineError } from "../model/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { MemberBeat, Presence } from "../ports/slice-store.ts";
import { assign } from "./assignment.ts";
import { Pause } from "./pause.ts";

/** A member that is silent for so many times `takeoverAfterMs` is forgotten. */
const forgetAfter = 10;

export interface MembersContext {
  readonly component: string;
  readonly member: string;
  /** For people: host, pid, start, version. */
  readonly about: string;
  readonly partitions: number;
  readonly takeoverAfterMs: number;
  readonly beatMs: number;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly log: Log;
}

interface Known extends MemberBeat {
  /** When it was last seen to change, on the monotonic clock. */
  readonly changedAt: number;
}

export class Members {
  readonly #context: MembersContext;
  readonly #pause: Pause;
  readonly #known = new Map<string, Known>();
  /** Called when a beat has brought news of who lives, when this member is confirmed again, and when its beat is refused. */
  readonly #onNews: () => void;
  #assigned: { readonly living: string; readonly owners: readonly string[] } = { living: "", owners: [] };
  /** When the last beat was sent that was confirmed. */
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #isOver = false;
  #refused: ThroughlineError | undefined;

  constructor(context: MembersContext, onNews: () => void) {
    this.#context = context;
    this.#pause = new Pause(context.clock);
    this.#onNews = onNews;
  }

  /** Why the store refuses the beat; undefined where it does not. */
  get refused(): ThroughlineError | undefined {
    return this.#refused;
  }

  /** Whether this member's own beat is confirmed: only then may it want or acquire anything. */
  get isConfirmed(): boolean {
    return this.silentMs <= this.#context.takeoverAfterMs / 2;
  }

  /** How long ago this member's last confirmed beat was sent, ms. */
  get silentMs(): number {
    return this.#isOver ? Number.POSITIVE_INFINITY : this.#context.clock.now() - this.#confirmedAt;
  }

  /** Whether this member should own the partition, among all who live but for `without`. */
  shouldOwn(partition: number, without?: string): boolean {
    const { member, partitions, clock } = this.#context;
    const now = clock.now();
    const living: string[] = [];
    for (const [name, known] of this.#known)
      if (!known.hasLeft && name !== without && !this.#isSilent(known, now)) living.push(name);
    living.sort();
    const key = living.join(" ");
    if (this.#assigned.living !== key) this.#assigned = { living: key, owners: assign(living, partitions) };
    return this.#assigned.owners[partition] === member;
  }

  /** Beats until it is stopped. */
  async run(): Promise<void> {
    while (!this.#isOver) {
      await this.#beat();
      await this.#pause.for(this.#context.beatMs);
    }
  }

  /** Says that it leaves, so that others need not wait for its silence. */
  async leave(): Promise<void> {
    const { presence, member, log, component } = this.#context;
    this.stop();
    await presence.leave(member).catch((error: unknown) => {
      log.warn({ component, reason: String(error) }, "this member could not say that it leaves: its silence will");
    });
  }

  stop(): void {
    this.#isOver = true;
    this.#pause.wake();
  }

  async #beat(): Promise<void> {
    const { presence, member, about, clock, log, component } = this.#context;
    const sentAt = clock.now();
    try {
      const beats = await presence.beat(member, about, this.#forgettable(sentAt));
      const wasConfirmed = this.isConfirmed;
      const isNews = this.#saw(beats, clock.now());
      this.#confirmedAt = sentAt;
      this.#refused = undefined;
      if (isNews || !wasConfirmed) this.#onNews();
    } catch (error) {
      if (this.#isOver) return;
      log.debug({ component, reason: String(error) }, "this member's beat was not confirmed");
      if (!isRefusal(error)) return;
      this.#refused = error;
      this.#onNews();
    }
  }

  /** Who is absent is unchanged: the list may have been lost. Who leaves says so. True: somebody has come, left, or come back from silence. */
  #saw(beats: ReadonlyMap<string, MemberBeat>, receivedAt: number): boolean {
    let isNews = false;
    for (const [name, { beat, hasLeft }] of beats) {
      const known = this.#known.get(name);
      if (known?.beat === beat && known.hasLeft === hasLeft) continue;
      isNews ||= known === undefined || known.hasLeft !== hasLeft || this.#isSilent(known, receivedAt);
      this.#known.set(name, { beat, hasLeft, changedAt: receivedAt });
    }
    return isNews;
  }

  #isSilent({ changedAt }: Known, now: number): boolean {
    return now - changedAt >= this.#context.takeoverAfterMs;
  }

  #forgettable(now: number): readonly string[] {
    const gone: string[] = [];
    for (const [name, { changedAt }] of this.#known)
      if (now - changedAt > forgetAfter * this.#context.takeoverAfterMs) gone.push(name);
    for (const name of gone) this.#known.delete(name);
    return gone;
  }
}
