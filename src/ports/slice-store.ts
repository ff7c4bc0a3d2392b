/** The store of a component's slices: sessions, heartbeats of members, and queries from outside. Its roles are in `own`, `read` and `settle`. */

import type { EventRef } from "../model/event.ts";
import type { Owning, Slice } from "./own.ts";
import type { Reading } from "./read.ts";
import type { Relaying, RelayTarget } from "./relay.ts";
import type { Settling } from "./settle.ts";

/**
 * All verbs of a slice on the node that has it, by one look-up. When any of its connections is lost all are: every unanswered call rejects,
 * and every later one. Calls other than `read` are done in their order, and answered in it: an answer that came after those of later calls
 * would tell of what is past. Each call gets its own answer, once.
 */
export interface Session extends Owning, Reading, Settling, Relaying {
  close(): void;
}

/** A member's last heartbeat. */
export interface MemberBeat {
  readonly beat: number;
  /** True where the member has said that it leaves. */
  readonly hasLeft: boolean;
}

/** The members of a component. Their heartbeats influence which member should own a slice, and nothing else. */
export interface Presence {
  /**
   * Writes the member's heartbeat, with a text about it for people, and removes the heartbeats of the members in `forget`. Resolves with all
   * heartbeats. @throws {StoreError}
   */
  beat(member: string, about: string, forget: readonly string[]): Promise<ReadonlyMap<string, MemberBeat>>;
  /** Records that the member leaves. @throws {StoreError} */
  leave(member: string): Promise<void>;
}

/** The way in which an entry was finished. */
export type Finished = "acked" | "deadLettered";

/** Opens slices and answers queries about components. */
export interface SliceStore {
  /** Opens a session, which connects on first use. `channels`: the channels that the component reads; none for a duty. */
  open(slice: Slice, channels: readonly string[]): Session;
  presence(component: string): Presence;
  /** True where the partitions are at several nodes: a settlement leaves outputs for other partitions in the slice's relay. */
  readonly relays: boolean;
  /** Opens the other end of a slice's relay, which connects on first use. */
  openRelay(slice: Slice, to: number): RelayTarget;
  /** Resolves when the component has finished the entry, whoever owned it. @throws the reason with which `signal` was aborted */
  whenFinished(component: string, ref: EventRef, signal: AbortSignal): Promise<Finished>;
  /** Resolves when the component has nothing unread, open or parked. @throws the reason with which `signal` was aborted */
  whenIdle(component: string, channels: readonly string[], signal: AbortSignal): Promise<void>;
}
