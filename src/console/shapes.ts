/** The JSON shapes between the console's server and its page. Times are epoch ms, rates per second. */

import type {
  AttemptCounts,
  ComponentStatus,
  ConsumptionStatus,
  DeadLetterJson,
  EntryJson,
  Journey,
  JourneyNode,
  LetterCount,
  MemberStatus,
  RedriveOutcome,
  SourceStatus,
  StepSettlement,
} from "../index.ts";
import type { Difference, Run } from "../replay.ts";

/** What the page asks first. */
export interface About {
  readonly namespace: string;
  readonly version: string;
  readonly allowActions: boolean;
  /** Components whose handlers the console can run. */
  readonly replayable: readonly string[];
  readonly masked: readonly string[];
}

/** One look at the namespace, its partitions summed up. */
export interface Flow {
  readonly at: number;
  readonly partitions: number;
  readonly channels: readonly FlowChannel[];
  readonly components: readonly FlowComponent[];
  readonly edges: readonly FlowEdge[];
  readonly sources: readonly FlowSource[];
  readonly members: readonly MemberStatus[];
  /** The time that this look took, and the pause until the next one: the console paces itself by the former. */
  readonly tookMs: number;
  readonly pauseMs: number;
}

export interface FlowChannel {
  readonly channel: string;
  readonly entries: number;
  /** Entries appended; null until two looks can be compared. */
  readonly perSecond: number | null;
  readonly lastAppendAt: number | null;
  /** Sentences about damage; empty where the channel is well. */
  readonly problems: readonly string[];
}

export interface FlowComponent {
  readonly component: string;
  readonly partitions: readonly FlowPartition[];
  readonly problems: readonly string[];
}

/** A source: what an outside system says comes in through it. */
export interface FlowSource {
  readonly source: string;
  readonly channel: string;
  readonly runs: readonly SourceStatus[];
  readonly problems: readonly string[];
}

/** A partition of a component. */
export type FlowPartition = Omit<ComponentStatus, "component">;

/** `consumes`: from the channel to the component, its partitions summed up. `publishes`: from the component to the channel; it has no numbers. */
export interface FlowEdge
  extends Pick<ConsumptionStatus, "channel" | "lagExact" | "pending" | "parked" | "deadLetters"> {
  readonly kind: "consumes" | "publishes";
  readonly component: string;
  /** Entries finished; null until two looks can be compared. */
  readonly perSecond: number | null;
  readonly lag: number;
  /** The age of the oldest entry that is not finished, ms. */
  readonly oldestMs: number;
}

/** Numbers of one moment, by name of the channel or of the edge, `channel>component`. */
export interface Sample {
  readonly at: number;
  readonly channels: Readonly<Record<string, number>>;
  readonly edges: Readonly<Record<string, Pick<FlowEdge, "perSecond" | "lag" | "pending" | "parked" | "deadLetters">>>;
}

/** A component's attempts in stretches of so many ms; the last two are told again and again. */
export interface AttemptsNews {
  readonly everyMs: number;
  readonly counts: readonly AttemptCounts[];
}

/** An entry as lists have it; `more`: the payload was cut, and the entry itself has all of it. */
export type ListedEntry = EntryJson & { readonly more?: true };

/** Entries of a live tail that came together. */
export interface TailBatch {
  readonly entries: readonly ListedEntry[];
  /** Entries that came too fast to be shown, since the last batch. */
  readonly leftOut: number;
}

/** A page of a channel, the newest entry first. */
export interface ChannelPage {
  readonly entries: readonly ListedEntry[];
  /** There are more in the direction of reading: older ones, or newer ones where the page began at an entry. */
  readonly hasMore: boolean;
  /** False where the time for a filter was over before the page was full. */
  readonly isWhole: boolean;
}

export interface SearchState {
  readonly entries: number;
  readonly total: number;
  readonly backTo: number;
}

/** A story, or as much of it as was asked for. */
export interface Story {
  /** The journey without its nodes. */
  readonly journey: Omit<Journey, "beginnings" | "continuations">;
  /** Its nodes, a parent before its children, each child with its descendants before the next. */
  readonly rows: readonly StoryRow[];
  /** How a component settled an event, by `component partition/channel/entry id`; as far as its settlement log tells. */
  readonly settlements: Readonly<Record<string, StepSettlement>>;
  /** The end of the search, where it was bounded; null where the whole log was read. */
  readonly to: string | null;
}

/** A step of a story; `children` are the event ids of what it led to. */
export interface StoryRow extends Omit<JourneyNode, "children" | "event"> {
  readonly event: ListedEntry;
  readonly children: readonly string[];
}

export interface DeadLetterPage {
  readonly letters: readonly DeadLetterJson[];
  readonly hasMore: boolean;
}

export interface DeadLetterGroups {
  readonly total: number;
  /** False where there are more letters than were grouped: the newest ones are left out. */
  readonly isWhole: boolean;
  readonly groups: readonly LetterCount[];
  /** Letters by minute of their failure, of the groups together. */
  readonly perMinute: readonly (readonly [at: number, count: number])[];
}

/** The letters of an action, and for a real one the bound that its dry run gave. */
export interface DeadLetterAction {
  readonly channel?: string;
  readonly component?: string;
  readonly code?: string;
  readonly ids?: readonly string[];
  readonly where?: string;
  readonly dryRun: boolean;
  /** The newest letter that the dry run saw: newer ones stay. */
  readonly to?: string;
}

export interface DeadLetterOutcome {
  readonly matched: number;
  readonly outcomes: Readonly<Partial<Record<RedriveOutcome | "purged", number>>>;
  /** The newest letter that was matched; empty where there is none. */
  readonly to: string;
}

export interface ReplayList {
  readonly runs: readonly Run[];
  /** Without their differences. */
  readonly componentReplays: readonly Omit<ComponentReplayState, "difference">[];
}

/** What a replay would do, or does. */
export interface ReplayPlan {
  readonly run: string;
  /** The shadow that it goes to. */
  readonly namespace: string;
  readonly entries: number;
}

/** A component's handlers run over the log, by the console. */
export interface ComponentReplayState {
  readonly id: string;
  readonly component: string;
  readonly state: "running" | "done" | "cancelled" | "failed";
  readonly startedAt: number;
  readonly events: number;
  readonly error: string;
  readonly difference?: Difference;
}

/** How far the states of a story are: the component whose handlers run, and the events that they have had. */
export interface TimeProgress {
  readonly component: string;
  readonly events: number;
}
