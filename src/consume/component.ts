/** A component as its user has it: run, asked how it does, awaited, drained. */

import type { EventRef } from "../model/event.ts";
import type { Finished } from "../ports/slice-store.ts";

/** A component's handlers at work in this process, as one member of it: it owns its share of the partitions, or stands by. */
export interface Component extends AsyncDisposable {
  readonly name: string;
  /** This member's name, unlike every other member's, also of this host and process. */
  readonly member: string;
  /** The partitions that it owns now: what is in them is read and handled here, and nowhere else. Empty while it stands by. */
  readonly owned: readonly number[];
  /**
   * Handles events until `signal` aborts or `drain` is called; resolves when drained. May be called once.
   * @throws {ConfigError} when a key of ours is somebody else's, when the name runs already with other channels, or when it was run before; nothing
   * but its beat was written then
   * @throws {StoreError} when Redis refuses the component what it needs
   * @throws {DrainTimeoutError} when handlers did not end in time; what they were handling stays open
   */
  run(signal?: AbortSignal): Promise<void>;
  /** How it does, from what it knows already: Redis is not asked. */
  readonly health: ComponentHealth;
  /** Resolves when it takes part: it is a member, and has looked at each of its partitions. Whether it owns one is said by `owned`. */
  ready(): Promise<void>;
  /**
   * Starts no handler in this process until `resume`: what comes waits in the log. The partitions that it owns stay its own. Resolves when the
   * handlers that run have ended and are settled. A component that is paused may be run, and drained.
   */
  pause(): Promise<void>;
  /** Goes on. Without a pause it does nothing. */
  resume(): void;
  /** Reads nothing more, finishes what was started, and hands over what it owns. A second call joins the first. */
  drain(): Promise<void>;
  /**
   * Resolves with how this component settled an entry; waits while it has not. Needs a reference with an `entryId`.
   * @throws {ConfigError} where the answer can never come: on an event of a channel that it does not consume, and where the component was not
   * run, here or elsewhere
   * @throws {StoreError} when the component is closed first. Throws the signal's reason when that aborts.
   */
  whenSettled(ref: EventRef, signal?: AbortSignal): Promise<Finished>;
  /** Resolves when it has nothing unread, open or parked, whichever member has it. @throws as `whenSettled` */
  whenIdle(signal?: AbortSignal): Promise<void>;
}

export interface ComponentHealth {
  readonly component: string;
  /** False: a loop stands still although Redis answers, and only a new process helps. */
  readonly isLive: boolean;
  /** Redis answers it, it is not draining, and its handlers return, or nothing waits for those that do not. One that stands by is ready, too. */
  readonly isReady: boolean;
  /** For people: why it is not. */
  readonly reason?: string;
}
