/** The store of streams, as the core needs it: what it is given, what it gives back, and the promises of each verb. */

import type { EventRef } from "../model/event.ts";
import type { StoredEntry } from "../model/stored-entry.ts";
import type { NewEntry } from "./append.ts";

/** A position-independent handle of a delivery: the entry and the group that it was delivered in. */
export interface DeliveryId {
  readonly channel: string;
  readonly entryId: string;
}

/** One key of a component's state, as a handler saw it or wants it. `version` is empty where the key is absent. */
export interface StateRead {
  readonly store: string;
  readonly key: string;
  readonly version: string;
}
export interface StateWrite extends StateRead {
  /** JSON; undefined deletes the key. `version` is the new one. */
  readonly json: string | undefined;
}

/** Everything that one settlement commits: one delivery, or a batch of them that stands or falls together. */
export interface Settlement {
  readonly deliveries: readonly DeliveryId[];
  readonly reads: readonly StateRead[];
  readonly writes: readonly StateWrite[];
  readonly outputs: readonly NewEntry[];
  /** Whether a delivery of it has a durable attempt record that the settlement must remove. */
  readonly redelivered: boolean;
}

/** `fenced`: another member has it. `conflict`: a key that was read has changed. `refused`: a key to be written has the wrong type. */
export type SettleResult =
  | { readonly outcome: "acked"; readonly outputIds: readonly string[] }
  | { readonly outcome: "fenced" | "conflict" }
  | { readonly outcome: "refused"; readonly reason: string };

/** The durable count of a delivery that was handed out more than once. */
export interface AttemptRecord {
  /** Attempts that were started, this one included once it has begun. */
  readonly attempt: number;
  /** Of these, the ones that ended with the silence of their member. */
  readonly crashes: number;
  /** When the entry was first seen to need another attempt, epoch ms on the server's clock. */
  readonly firstAt: number;
}

export interface ClaimedEntry extends StoredEntry {
  readonly record: AttemptRecord;
}

/** What a dead letter says beside the original fields. */
export interface Obituary {
  readonly errorCode: string;
  readonly error: string;
  readonly attempts: number;
  /** Traceparent of the span that failed; empty where nothing was traced. */
  readonly traceparent: string;
}

/** Where a component stands on one partition. Identifies its group, its member and its keys. */
export interface Membership {
  readonly component: string;
  readonly member: string;
  readonly partition: number;
  readonly channels: readonly string[];
}

/** What a member knows of its group's place on a channel. */
export interface GroupPlace {
  /** Where a group begins that never was: at the oldest entry, or after the newest. */
  readonly begin: "0" | "$";
  /** The last entry that this member has read; empty where it has read none. */
  readonly lastRead: string;
  readonly inHand: readonly string[];
}

/**
 * `there`: left as it is. `new`: it never was. `whole`: it was gone, and is again exactly as it was. `again`: made again at its saved
 * position; what was settled since then is delivered again. `gone`: the stream was gone with it, and begins anew.
 */
export interface JoinedGroup {
  readonly channel: string;
  readonly became: "there" | "new" | "whole" | "again" | "gone";
  /** Entries that are known to be lost. */
  readonly lost: number;
}

export interface Joined {
  /** False: the member's deliveries are void, and it must join again under another name. */
  readonly isRegistered: boolean;
  readonly groups: readonly JoinedGroup[];
}

/** Entries that somebody removed before the component had them. Where not exact, at most so many. */
export interface Loss {
  readonly channel: string;
  readonly count: number;
  readonly isExact: boolean;
}

/** What a component has to do on a channel that no read brings. */
export interface ChannelLook {
  readonly channel: string;
  /** Its group is not there. */
  readonly isGone: boolean;
  /** A retry has been due for long, because its timer was lost. */
  readonly hasOverdue: boolean;
  /** Deliveries were handed back: any member may take them. */
  readonly hasReleased: boolean;
  /** Who holds deliveries, members and others. */
  readonly holders: readonly string[];
}

/** A loop's own blocking connection. Not shared, not concurrent. */
export interface EntryReader {
  /** Waits up to `blockMs` for new entries of the group. Empty when there are none, or when the read was abandoned. */
  readNew(maxPerChannel: number, blockMs: number): Promise<readonly StoredEntry[]>;
  /** One page of this member's own pending entries of a channel, after `afterId`. Trimmed ones have no fields. */
  readOwnPending(channel: string, afterId: string, max: number): Promise<readonly StoredEntry[]>;
  /** How often the connection was lost so far: when it has changed, own pending entries must be paged through again. */
  readonly losses: number;
  close(): void;
}

/** A member that has not spoken. `seenAt` is its last heartbeat as the store gave it, empty where it never registered. */
export interface SilentMember {
  readonly member: string;
  readonly seenAt: string;
}

export interface Heartbeat {
  /** False: this member was taken for dead and removed. What it holds is void; it must join again under another name. */
  readonly registered: boolean;
  /** All that are registered. */
  readonly members: number;
  readonly silent: readonly SilentMember[];
  /** Epoch ms by the store's clock; 0 where it is not registered. */
  readonly storeNow: number;
}

/**
 * The verbs that a component needs. Those that change something are sent until they are answered, in the order of the calls,
 * and have their effect once. @throws {StoreError} with the server's refusal as its cause
 */
export interface StreamStore {
  /** How often the connection was lost so far: a reply may have been lost with it. */
  readonly losses: number;
  /** Makes the groups exist and registers the member. `places` stand in the order of the membership's channels. */
  join(membership: Membership, isNew: boolean, places: readonly GroupPlace[]): Promise<Joined>;
  /**
   * Saves where the groups stand, so that one that is gone can be made again there, and tells what was removed before the
   * component had it. Each loss is told once, to one member. `isGone`: some group is not there.
   */
  savePositions(membership: Membership): Promise<{ readonly isGone: boolean; readonly losses: readonly Loss[] }>;
  /** Those of the membership's channels that have something, in its order. `overdueMs`, `longestDelayMs`: as `overdue` takes them. */
  look(membership: Membership, overdueMs: number, longestDelayMs: number): Promise<readonly ChannelLook[]>;
  heartbeat(membership: Membership, claimAfterMs: number): Promise<Heartbeat>;
  openReader(membership: Membership): Promise<EntryReader>;
  readState(
    membership: Pick<Membership, "partition" | "component">,
    store: string,
    key: string,
  ): Promise<{ version: string; json: string | undefined }>;
  /** The results stand in the order of the settlements. Does not throw: what Redis refuses is a result. */
  settle(membership: Membership, settlements: readonly Settlement[]): Promise<readonly SettleResult[]>;
  /**
   * Counts an attempt at a redelivered entry, before its handler runs. `isContinued`: this member has ended an attempt at it
   * itself. Undefined: the delivery is no longer this member's.
   */
  begin(
    membership: Membership,
    delivery: DeliveryId,
    attemptsBefore: number,
    isContinued: boolean,
  ): Promise<AttemptRecord | undefined>;
  /** The attempt records of deliveries that came back to this member; undefined where there is none. */
  attemptRecords(
    membership: Membership,
    channel: string,
    entryIds: readonly string[],
  ): Promise<readonly (AttemptRecord | undefined)[]>;
  /** Parks a delivery until it is due. False: it is no longer this member's. */
  park(membership: Membership, delivery: DeliveryId, attempt: number, delayMs: number): Promise<boolean>;
  /** Takes a parked delivery that is due. Undefined: it is not parked, or not due yet. `lost`: its entry was trimmed or deleted. */
  unpark(
    membership: Membership,
    delivery: DeliveryId,
    longestDelayMs: number,
  ): Promise<ClaimedEntry | "lost" | undefined>;
  /**
   * Parked deliveries that have been due for longer than `overdueMs`, because their timer was lost, and those that are due later than
   * anything is parked for, because the store's clock was set back since.
   */
  overdue(
    membership: Membership,
    overdueMs: number,
    longestDelayMs: number,
    max: number,
  ): Promise<readonly DeliveryId[]>;
  /**
   * Appends the dead letter and acknowledges, in one step. Returns its entry id, empty where the entry itself is gone;
   * undefined when the delivery is no longer this member's.
   */
  bury(membership: Membership, delivery: DeliveryId, obituary: Obituary): Promise<string | undefined>;
  /**
   * Hands deliveries back: any member may take them at once. `isStarted`: an attempt at them has begun, and is not to count. False: the
   * group is gone, and nothing was handed back.
   */
  release(membership: Membership, channel: string, entryIds: readonly string[], isStarted: boolean): Promise<boolean>;
  /** Acknowledges what was settled before its group was gone and made again, where it is pending under this member. */
  acknowledgeAgain(membership: Membership, channel: string, entryIds: readonly string[]): Promise<void>;
  /** Hands back what is pending under this member without its knowing it: a reply that never arrived. */
  releaseUnknown(membership: Membership, isKnown: (delivery: DeliveryId) => boolean): Promise<void>;
  /** Takes over up to `max` deliveries of a channel. `lost` counts those whose entries were trimmed or deleted. */
  claim(
    membership: Membership,
    channel: string,
    from: SilentMember | "released",
    idleMs: number,
    max: number,
  ): Promise<{ readonly entries: readonly ClaimedEntry[]; readonly lost: number }>;
  /** Consumers that hold deliveries without being members: ones that read on after they were removed, or somebody else's. */
  strangers(membership: Membership, idleMs: number): Promise<readonly SilentMember[]>;
  /** Removes a silent member that holds nothing any more. False: it spoke meanwhile, or does hold deliveries. */
  remove(membership: Membership, victim: SilentMember): Promise<boolean>;
  /** Removes this member itself, unless it still holds deliveries, which wait for somebody to take them over. */
  leave(membership: Membership): Promise<void>;
  /** How many entries of the component's channels are unread, and how many are delivered but not settled. */
  backlog(membership: Membership): Promise<{ readonly unread: number; readonly pending: number }>;
  /** How the component settled an entry; undefined while it has not. */
  isSettled(membership: Membership, delivery: DeliveryId): Promise<"acked" | "deadLettered" | undefined>;
  /** The channels whose entry of this id is not there although nobody has removed it: the store has gone back, as after a failover. */
  vanished(membership: Membership, entryIds: ReadonlyMap<string, string>): Promise<readonly string[]>;
  /** Whether the event lies in this partition: the same entry id may stand for different events in two of them. */
  holds(membership: Membership, ref: EventRef): Promise<boolean>;
  /** Whether an entry is valid UTF-8 throughout: as text, what is not has become U+FFFD. */
  isValidText(membership: Membership, delivery: DeliveryId): Promise<boolean>;
  close(): Promise<void>;
}
