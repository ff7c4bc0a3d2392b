/** The store of a component's slices: sessions, members' beats, and what outsiders ask. Its roles are in `own`, `read` and `settle`. */

import type { EventRef } from "../model/event.ts";
import type { Owning, Slice } from "./own.ts";
import type { Reading } from "./read.ts";
import type { Settling } from "./settle.ts";

/**
 * All verbs of a slice on the node that has it, by one look-up. When any of its connections is lost all are: every unanswered call rejects,
 * and every later one. Calls other than `read` are sent in their order.
 */
export interface Session extends Owning, Reading, Settling {
  close(): void;
}

/** A member as it was last written. */
export interface MemberBeat {
  readonly beat: number;
  /** It said that it leaves. */
  readonly hasLeft: boolean;
}

/** The members of a component. Their beats shape who should own what, and nothing else. */
export interface Presence {
  /**
   * Says that the member lives, with what people may know of it, and removes the beats of those that are to be forgotten. Resolves with
   * all that are written. @throws {StoreError}
   */
  beat(member: string, about: string, forget: readonly string[]): Promise<ReadonlyMap<string, MemberBeat>>;
  /** @throws {StoreError} */
  leave(member: string): Promise<void>;
}

/** How an entry was finished. */
export type Finished = "acked" | "deadLettered";

export interface SliceStore {
  /** Connects when it is first used. `channels` are those that the component reads; none for a duty. */
  open(slice: Slice, channels: readonly string[]): Session;
  presence(component: string): Presence;
  /** Resolves when the component has finished the entry, whoever owned it. @throws what `signal` was aborted with */
  whenFinished(component: string, ref: EventRef, signal: AbortSignal): Promise<Finished>;
  /** Resolves when the component has nothing unread, open or parked. @throws what `signal` was aborted with */
  whenIdle(component: string, channels: readonly string[], signal: AbortSignal): Promise<void>;
}
