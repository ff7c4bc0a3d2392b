/** What the core needs from outside: a store of streams, a clock for retries, tracing, and a log. Adapters implement these. */

import type { Correlation } from "./channel.ts";
import type { Cause, EventRef } from "./event.ts";

/** The W3C fields of an entry, each empty where there is none. */
export interface Carrier {
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;
}

/** A structured log; a pino logger fits. `fields` never hold payloads, baggage values or passwords. */
export interface Log {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

// ---------------------------------------------------------------------------------------------------- the store

/** An entry as the store holds it: names and values alternating, exactly as they were written. */
export interface StoredEntry {
  readonly channel: string;
  readonly entryId: string;
  readonly fields: readonly string[];
}

/** What the store must know of the channel that an entry goes to. */
export interface Target {
  readonly name: string;
  /** Above 0: the window in which the event id is appended only once. A settlement needs none. */
  readonly dedupeWindowMs: number;
  /** The channel's hard cap: 0 none; above 0 the full channel refuses the entry, below 0 it evicts its oldest. */
  readonly cap: number;
}

/** An entry to append. */
export interface NewEntry {
  readonly channel: Target;
  /** The eight values of the wire format, in its order; those that are empty the entry need not have. Made when they are asked for. */
  readonly values: readonly string[];
}

/** Where an entry stands; with `isRepeat` where the one stands that was first. Or why it was not appended, where the reason is the stream's own. */
export type Appended = { readonly entryId: string; readonly isRepeat: boolean } | { readonly refused: string };

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

/**
 * Appends for one producer. Batches are numbered by the store and resent under their number when a reply is lost, so
 * that each is appended once, in the order of the calls. Resolves when Redis has appended.
 * @throws {PublishError} when the store is unreachable for longer than `deadlineMs`, or refuses the whole batch.
 */
export interface Appender {
  append(
    partition: number,
    entries: readonly NewEntry[],
    atomic: boolean,
    deadlineMs: number,
  ): Promise<readonly Appended[]>;
  close(): Promise<void>;
}

/** What a full channel has lost to make room. */
export interface Evicted {
  readonly channel: string;
  readonly partition: number;
  readonly removed: number;
  /** Of these, the ones that some component had not finished. */
  readonly unfinished: number;
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
  /** Hands deliveries that were not started back: any member may take them at once. */
  release(membership: Membership, channel: string, entryIds: readonly string[]): Promise<void>;
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
  /** Removes this member itself. False: it still holds deliveries, which wait for somebody to take them over. */
  leave(membership: Membership): Promise<boolean>;
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

// ---------------------------------------------------------------------------------------------------- the clock

/** The clock of retries. Losing a timer delays a retry until the sweep finds it; it never loses the delivery. */
export interface RetryTimers {
  /** Wakes some member of the component after the delay. The same delivery and attempt set one timer only. */
  schedule(partition: number, delivery: DeliveryId, attempt: number, delayMs: number): Promise<void>;
  /** Starts to take timers for this member. `wake` is called for each that fires. */
  listen(wake: (partition: number, delivery: DeliveryId) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------- tracing

/** What a span is told about the channel; the same frozen object for every event of it. */
export interface TracedChannel {
  readonly name: string;
  readonly topology: "parent" | "link";
}

/** An event about to be published. */
export interface Sending {
  readonly channel: TracedChannel;
  readonly partition: number;
  readonly eventId: string;
  readonly correlation: Correlation;
  /** Domain causes as the publisher stated them; the event being handled is not among them unless stated. */
  readonly causes: readonly Cause[];
  /** Explicit baggage of this publish, over what is active. */
  readonly baggage: Readonly<Record<string, string>> | undefined;
}

/** A send span. It is ended exactly once, by `sent` or `failed`. */
export interface SendSpan {
  /** What to write into the entry. */
  readonly carrier: Carrier;
  sent(entryId: string): void;
  failed(error: unknown): void;
}

/** One entry of a delivery, as the process span needs it. */
export interface Delivered {
  readonly entryId: string;
  readonly eventId: string;
  readonly carrier: Carrier;
  readonly causes: readonly Cause[];
  readonly correlation: Correlation;
  /** Epoch ms at which the event happened, on its producer's clock. */
  readonly time: number;
  /** Traceparent of the timer that brought it back for a retry; absent or empty where none did or nothing was traced. */
  readonly wokenBy?: string;
}

/** An attempt at one delivery, or at a batch of them. */
export interface Processing {
  readonly channel: TracedChannel;
  readonly component: string;
  readonly member: string;
  readonly partition: number;
  /** One for a single delivery and for a batch of one. */
  readonly entries: readonly Delivered[];
  readonly attempt: number;
  /** Whether the delivery was taken over from another member. */
  readonly claimed: boolean;
}

/** How an attempt ended. `conflict`: it runs again because its state had changed. `abandoned`: the drain ran out of time. */
export type Outcome = "acked" | "retried" | "deadLettered" | "fenced" | "conflict" | "abandoned";

/** The span of one attempt, open until `settled`. */
export interface ProcessSpan {
  /** Runs the handler with the span and the event's baggage active. */
  run<T>(handle: () => T): T;
  /** The send span of an output, a child of this one. */
  send(sending: Sending): SendSpan;
  /** The span of writing the dead letter, a child of this one; `failed` or `sent` ends it. */
  sendDead(): SendSpan;
  /** Traceparent of this span, empty where nothing is traced. */
  readonly traceparent: string;
  /** The settlement is known; ends the span. `error` where a handler or a decode failed. */
  settled(outcome: Outcome, error?: unknown): void;
}

/** A replay: recorded events are worked on again. */
export interface Replaying {
  readonly runId: string;
  /** The channels that it reads. */
  readonly channels: readonly string[];
  /** Whose handlers run; absent where events are republished. */
  readonly component?: string;
}

/** A recorded event about to be published again. */
export interface Republishing {
  readonly channel: TracedChannel;
  readonly partition: number;
  /** The one that it gets. */
  readonly eventId: string;
  /** As recorded. Its baggage is kept as it is; its trace is linked to, never continued. */
  readonly carrier: Carrier;
}

/** The span of a replay, open until `ended`. */
export interface ReplaySpan {
  /** Traceparent of the run, empty where nothing is traced. */
  readonly traceparent: string;
  /**
   * As `Tracing.process`, in a new trace that links to the original context and to the run. What the handler publishes has no span,
   * as it is sent nowhere, and nothing of it is measured: metrics are about what is live.
   */
  process(processing: Processing): ProcessSpan;
  /** The send span of an event that is republished, in a new trace that links to the original context and to the run. */
  republish(republishing: Republishing): SendSpan;
  /** Ends the span. `error` where the replay itself failed. */
  ended(entries: number, error?: unknown): void;
}

/** Runs our own Redis commands so that the user's Redis instrumentation makes no spans of them. */
export type Quietly = <T>(run: () => T) => T;

/** One method per moment of an event's way; the only thing through which the core speaks of spans and metrics. None throws. */
export interface Tracing {
  /** A publish outside of any handler. */
  send(sending: Sending): SendSpan;
  /** `publishAll`: a create span each, and one send span that links to them; ends with the last of the returned spans. */
  sendAll(sendings: readonly Sending[]): readonly SendSpan[];
  process(processing: Processing): ProcessSpan;
  /** Opens the span of a replay, in a trace of its own. */
  replay(replaying: Replaying): ReplaySpan;
  /** Traceparent of the span that is active; empty where there is none. */
  active(): string;
  /** Runs our own Redis commands so that the user's Redis instrumentation makes no spans of them. */
  quietly<T>(run: () => T): T;
  /** Starts a loop or timer under the root context, so that nothing it does inherits the span of whoever started it. */
  atRoot<T>(run: () => T): T;
  /** Entries that were trimmed or deleted before the component had handled them. */
  lost(channel: string, component: string, count: number): void;
  /** Entries that retention removed. */
  trimmed(channel: string, count: number): void;
  /** Registers gauges that are read when metrics are collected; the returned function removes them. */
  observe(read: () => Promise<readonly GroupGauges[]>): () => void;
}

/** Where a component stands on a channel, for gauges and `status`. */
export interface GroupGauges {
  readonly channel: string;
  readonly component: string;
  readonly lagEntries: number;
  readonly lagMs: number;
  readonly pending: number;
  readonly parked: number;
  readonly deadLetters: number;
}
