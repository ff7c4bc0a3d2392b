/** Inspection: the store's role for the read side. Every look at streams, groups and members is bounded, and none writes. */

import type { StreamCounts } from "../model/channel-damage.ts";
import type { RecordedSettlement } from "../model/recorded-settlement.ts";
import type { Retention } from "../model/retention-policy.ts";
import type { StoredEntry } from "../model/stored-entry.ts";

/** A stream of one partition: a channel's events, or with `deadOf` the dead letters that this component made of them. */
export interface LogStream {
  readonly channel: string;
  readonly partition: number;
  readonly deadOf?: string;
}

/** The description that a namespace keeps of itself. */
export interface Catalogue {
  readonly partitions: number;
  /** The namespace that this one is the shadow of, in a replay; undefined where it is no shadow. */
  readonly shadowOf?: string;
  /** Channels that were ever published to or consumed, sorted. */
  readonly channels: readonly string[];
  /** Components that ever ran, sorted, with the channels that they consume. */
  readonly components: ReadonlyMap<string, readonly string[]>;
  /** The retention of each channel whose policy lets entries be trimmed. */
  readonly retention: ReadonlyMap<string, Retention>;
  /** The description of each channel, as text. */
  readonly described: ReadonlyMap<string, string>;
}

/** A range of entry ids, both included; `(` before an id excludes it, `-` and `+` are the ends of the stream. */
export interface PageRange {
  readonly from: string;
  readonly to: string;
  readonly reverse: boolean;
}

/** A run that has replayed this namespace: its target, and its start in epoch ms on the server's clock. */
export interface ReplayRun {
  readonly run: string;
  readonly namespace: string;
  readonly channels: readonly string[];
  readonly createdAt: number;
}

/** The facts of one stream and of the groups that read it. */
export interface StreamFacts extends StreamCounts {
  readonly groups: readonly GroupFacts[];
}

/** The position of a component's group on one stream, and what it has not finished. */
export interface GroupFacts {
  readonly component: string;
  readonly lastDeliveredId: string;
  /** Unread entries as Redis counts them; undefined where Redis cannot count them. */
  readonly lag: number | undefined;
  /** Number of deliveries not settled, by the consumer that holds them; without parked and handed-back ones. */
  readonly pendingOf: ReadonlyMap<string, number>;
  readonly parked: number;
  /** Deliveries that a draining member handed back: any member takes them at once. */
  readonly released: number;
  /** The lowest entry id that is delivered and not settled, parked ones included; empty where there is none. */
  readonly oldestPendingId: string;
  readonly deadLetters: number;
  /** Entries that were removed before the component read them, as far as they could be counted. */
  readonly lost: number;
  /** Names of all consumers that have read in the group: members, live or not, and others. */
  readonly consumers: readonly string[];
  /** Time of the last command that Redis received from any consumer of the group, epoch ms; undefined without a consumer. */
  readonly lastSeenAt: number | undefined;
}

/** A delivery that is not settled. */
export interface OpenDelivery {
  readonly held: "pending" | "parked" | "released";
  /** Name of the member that holds it; empty unless `held` is `pending`. */
  readonly member: string;
  readonly idleMs: number;
  /** The attempt that runs, or else the last one; 1 where none was recorded. */
  readonly attempt: number;
  /** Time at which a parked delivery is due, epoch ms. */
  readonly dueAt: number | undefined;
}

/** Reads one namespace. Each call takes one bounded round trip or a few of them. */
export interface Inspector extends AsyncDisposable {
  readonly namespace: string;
  /** The server's clock, epoch ms. */
  now(): Promise<number>;
  /** Reads the description; undefined where nothing has used the namespace yet. @throws {ConfigError} when it has another format. */
  catalogue(): Promise<Catalogue | undefined>;
  /** Reads a stream's facts; undefined where the stream does not exist. */
  streamFacts(stream: LogStream): Promise<StreamFacts | undefined>;
  /** Reads a stream's facts without its groups; undefined where the stream does not exist. */
  counts(stream: LogStream): Promise<StreamCounts | undefined>;
  /** Reads the last heartbeat of each registered member, epoch ms. */
  members(partition: number, component: string): Promise<ReadonlyMap<string, number>>;
  /** Reads at most `max` entries of the range, in its order. */
  page(stream: LogStream, range: PageRange, max: number): Promise<readonly StoredEntry[]>;
  /** Reads an entry's fields byte for byte; undefined where the entry is gone. */
  fieldBytes(stream: LogStream, entryId: string): Promise<readonly Buffer[] | undefined>;
  /** Reads at most `max` entries of a component's settlement log, oldest first. */
  settlements(
    partition: number,
    component: string,
    range: Omit<PageRange, "reverse">,
    max: number,
  ): Promise<readonly RecordedSettlement[]>;
  /** Finds the entry of an event id while the channel's dedupe window lasts. */
  entryOf(stream: LogStream, eventId: string): Promise<string | undefined>;
  /** Reads an unsettled delivery; undefined where the component has settled the entry or has not read it. */
  openDelivery(stream: LogStream, component: string, entryId: string): Promise<OpenDelivery | undefined>;
  /** Lists the latest runs that have replayed this namespace, the latest first; empty where the user may not read them. */
  replayRuns(max: number): Promise<readonly ReplayRun[]>;
  /** Opens another namespace of the same server; the caller disposes of the result. */
  beside(namespace: string): Inspector;
  /** Opens a follower with a connection of its own, because it blocks. */
  openFollower(): Follower;
}

/** Waits for entries at the end of streams. Takes one call at a time. */
export interface Follower {
  /**
   * Gives the entries after the given ids as soon as there are any, or an empty list after a few seconds. While Redis is away it
   * waits without a limit. The same ids give the same entries again.
   */
  next(positions: readonly Position[], max: number, signal?: AbortSignal): Promise<readonly FollowedEntry[]>;
  close(): void;
}

/** The last entry read of one stream. */
export interface Position {
  readonly stream: LogStream;
  readonly afterId: string;
}

/** An entry with the stream that it came from. */
export interface FollowedEntry extends StoredEntry {
  readonly partition: number;
}
