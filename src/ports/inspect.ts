/** Inspection: the store's role for the read side. Every look at streams, groups and members is bounded, and none writes. */

import type { StreamCounts } from "../model/channel-damage.ts";
import type { RecordedSettlement } from "../model/recorded-settlement.ts";
import type { Retention } from "../model/retention-policy.ts";
import type { SavedPosition } from "../model/source-names.ts";
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
  /** Channels that the components' handlers have published to, by component, sorted. */
  readonly outputs: ReadonlyMap<string, readonly string[]>;
  /** Sources that ever ran, sorted: the channel that each appends to, and whether it has one run in all. */
  readonly sources: ReadonlyMap<string, { readonly channel: string; readonly isSingle: boolean }>;
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

/** The facts of one stream and of the components that consume it. */
export interface StreamFacts extends StreamCounts {
  readonly groups: readonly GroupFacts[];
}

/** Where a component stands on one stream: by the row of its partition, or by its group where no owner has been there yet. */
export interface GroupFacts {
  readonly component: string;
  /** The position: every entry up to here is finished, but for open and parked ones. */
  readonly positionId: string;
  /** Entries after the position as Redis counts them; undefined where Redis cannot count them. */
  readonly lag: number | undefined;
  /** Number of open entries, parked ones left out: those before the position, and those after it that the group's pending list shows. */
  readonly pending: number;
  /** Number of entries that wait for their next attempt while others of their key go on. */
  readonly parked: number;
  /** The lowest entry id that is open or parked; empty where there is none. */
  readonly oldestOpenId: string;
  readonly deadLetters: number;
  /** Entries that were removed before the component read them, as far as they could be counted. */
  readonly lost: number;
  /** Names of the group's consumers, `parked` left out: the owner, earlier owners, and others. */
  readonly consumers: readonly string[];
  /** Time of the last command that Redis received from any consumer of the group, epoch ms; undefined without a consumer. */
  readonly lastSeenAt: number | undefined;
}

/** The row of a component's partition, as far as it tells who has it. */
export interface OwnerFacts {
  /** The number of the ownership: about the time at which it began, epoch ms on the server's clock. */
  readonly epoch: number;
  /** The owner, alive or not; empty where nobody owns the partition. */
  readonly member: string;
  /** The member that the partition should go to; empty where it stays. */
  readonly wanted: string;
  /** Owners that died since the position last moved. */
  readonly deaths: number;
}

/** Outputs that wait in a partition's relay for another partition. */
export interface RelayFacts {
  readonly to: number;
  /** How many; a lower bound where `exact` is false. */
  readonly outputs: number;
  readonly exact: boolean;
  /** The id of the oldest in the relay. */
  readonly oldestId: string;
  /** The channel of the oldest. */
  readonly channel: string;
}

/** A member's last heartbeat. */
export interface MemberFacts {
  readonly hasLeft: boolean;
  /** Epoch ms on the server's clock. */
  readonly seenAt: number;
  /** For people: what the member says about itself, JSON. */
  readonly about: string;
}

/** An entry that a component has begun and not finished, or that waits for another attempt. */
export interface OpenDelivery {
  /** `parked`: it waits for its next attempt, and others of its key go on. */
  readonly held: "open" | "parked";
  /** The owner of the partition; empty where nobody owns it. */
  readonly member: string;
  /** The attempt that runs, or else the last one; 1 where none was recorded. */
  readonly attempt: number;
  /** Time at which the next attempt is due, epoch ms; undefined where none is waited for. */
  readonly dueAt: number | undefined;
}

/** Reads one namespace. Each call takes one bounded round trip or a few of them. */
export interface Inspector extends AsyncDisposable {
  readonly namespace: string;
  /** The server's clock, epoch ms. */
  now(): Promise<number>;
  /** Reads the description; undefined where nothing has used the namespace yet. @throws {ConfigError} when it has another format. */
  catalogue(): Promise<Catalogue | undefined>;
  /**
   * Reads a stream's facts; undefined where the stream does not exist. `components`: those that are known to consume it, of which the row
   * tells where they stand although their group is gone. @throws {WrongTypeError} where a key of the channel is none of ours
   */
  streamFacts(stream: LogStream, components?: readonly string[]): Promise<StreamFacts | undefined>;
  /** Reads a stream's facts without its groups; undefined where the stream does not exist. @throws {WrongTypeError} where it is none */
  counts(stream: LogStream): Promise<StreamCounts | undefined>;
  /** Reads the last heartbeat of each member of a component, those included that have left or died lately. */
  members(component: string): Promise<ReadonlyMap<string, MemberFacts>>;
  /** Reads who owns a component's partition; undefined where nobody ever did. */
  owner(partition: number, component: string): Promise<OwnerFacts | undefined>;
  /** Reads what waits in the relays of a component's partition, of `partitions` in all; empty where all of them are at one node. */
  relays(partition: number, component: string, partitions: number): Promise<readonly RelayFacts[]>;
  /** Reads the position of a source's partition; undefined before its first append. @throws {StoreError} also on what is no position */
  sourcePosition(partition: number, source: string): Promise<SavedPosition | undefined>;
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
  /** Reads an open or parked entry; undefined where the component has settled the entry or has not begun it. */
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
