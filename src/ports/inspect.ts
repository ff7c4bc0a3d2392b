/** What the read side needs from outside: bounded looks at streams, groups and members. Nothing here writes. */

import type { StreamCounts } from "../model/channel-damage.ts";
import type { RecordedSettlement } from "../model/recorded-settlement.ts";
import type { Retention } from "../model/retention-policy.ts";
import type { StoredEntry } from "../model/stored-entry.ts";

/** A stream of one partition: a channel's, or with `deadOf` the dead letters that a component has made of it. */
export interface LogStream {
  readonly channel: string;
  readonly partition: number;
  readonly deadOf?: string;
}

/** What a namespace says about itself. */
export interface Catalogue {
  readonly partitions: number;
  /** The namespace that this one is a replay's shadow of; undefined where it is none. */
  readonly shadowOf?: string;
  /** Channels that were ever published to or consumed, sorted. */
  readonly channels: readonly string[];
  /** Components that ever ran, sorted, with the channels that they consume. */
  readonly components: ReadonlyMap<string, readonly string[]>;
  /** The retention of the channels that let anything go. */
  readonly retention: ReadonlyMap<string, Retention>;
  /** What is said of each channel, as it stands there. */
  readonly described: ReadonlyMap<string, string>;
}

/** Entry ids, both included; `(` before one leaves it out, `-` and `+` are the ends of the stream. */
export interface PageRange {
  readonly from: string;
  readonly to: string;
  readonly reverse: boolean;
}

/** A run that has replayed this namespace: where to, and since when, epoch ms on the server's clock. */
export interface ReplayRun {
  readonly run: string;
  readonly namespace: string;
  readonly channels: readonly string[];
  readonly createdAt: number;
}

export interface StreamFacts extends StreamCounts {
  readonly groups: readonly GroupFacts[];
}

/** Where a component stands on one stream. */
export interface GroupFacts {
  readonly component: string;
  readonly lastDeliveredId: string;
  /** Unread entries as Redis counts them; undefined where it cannot tell. */
  readonly lag: number | undefined;
  /** Delivered and not settled, by who holds them; the parked and the handed-back ones are not among them. */
  readonly pendingOf: ReadonlyMap<string, number>;
  readonly parked: number;
  /** Handed back by a member that drained: any member takes them at once. */
  readonly released: number;
  /** The lowest entry id that is delivered and not settled, parked ones included; empty where there is none. */
  readonly oldestPendingId: string;
  readonly deadLetters: number;
  /** Entries that were removed before the component had them, as far as they could be counted. */
  readonly lost: number;
  /** Who has read in the group: names of members, living or not, and of others. */
  readonly consumers: readonly string[];
  /** When Redis last heard a command of any consumer of the group, epoch ms; undefined where it has none. */
  readonly lastSeenAt: number | undefined;
}

/** A delivery that is not settled. */
export interface OpenDelivery {
  readonly held: "pending" | "parked" | "released";
  /** Empty unless `held` is `pending`. */
  readonly member: string;
  readonly idleMs: number;
  /** The attempt that is running, or was the last one; 1 where none was recorded. */
  readonly attempt: number;
  /** When a parked one is due, epoch ms. */
  readonly dueAt: number | undefined;
}

/** A read-only look at one namespace. Every call is one bounded round trip or a few of them. */
export interface Inspector extends AsyncDisposable {
  readonly namespace: string;
  /** The server's clock, epoch ms. */
  now(): Promise<number>;
  /** Undefined where nothing has used the namespace yet. @throws {ConfigError} when it has another format. */
  catalogue(): Promise<Catalogue | undefined>;
  /** Undefined where the stream does not exist. */
  streamFacts(stream: LogStream): Promise<StreamFacts | undefined>;
  /** As `streamFacts`, without the groups. */
  counts(stream: LogStream): Promise<StreamCounts | undefined>;
  /** Last heartbeat of each registered member, epoch ms. */
  members(partition: number, component: string): Promise<ReadonlyMap<string, number>>;
  /** At most `max` entries of the range, in its order. */
  page(stream: LogStream, range: PageRange, max: number): Promise<readonly StoredEntry[]>;
  /** An entry's fields byte for byte; undefined where it is gone. */
  fieldBytes(stream: LogStream, entryId: string): Promise<readonly Buffer[] | undefined>;
  /** At most `max` entries of a component's settlement log, oldest first. */
  settlements(
    partition: number,
    component: string,
    range: Omit<PageRange, "reverse">,
    max: number,
  ): Promise<readonly RecordedSettlement[]>;
  /** The entry that an event id stands for while its channel's dedupe window lasts. */
  entryOf(stream: LogStream, eventId: string): Promise<string | undefined>;
  /** Undefined where the component has settled the entry or has not read it. */
  openDelivery(stream: LogStream, component: string, entryId: string): Promise<OpenDelivery | undefined>;
  /** The latest runs that have replayed this namespace, the latest first; none where they may not be looked at. */
  replayRuns(max: number): Promise<readonly ReplayRun[]>;
  /** A look at another namespace of the same server, for the caller to dispose of. */
  beside(namespace: string): Inspector;
  /** Has a connection of its own, because it blocks. */
  openFollower(): Follower;
}

/** Waits for entries at the end of streams. Not concurrent. */
export interface Follower {
  /**
   * Entries after the given ids, as soon as there are any; empty after a few seconds without. While Redis is away it
   * waits for as long as that takes. Asking again with the same ids gives the same entries.
   */
  next(positions: readonly Position[], max: number, signal?: AbortSignal): Promise<readonly FollowedEntry[]>;
  close(): void;
}

export interface Position {
  readonly stream: LogStream;
  readonly afterId: string;
}

export interface FollowedEntry extends StoredEntry {
  readonly partition: number;
}
