/** The options and the result of a comparison of two runs. */

import type { Channel } from "../../model/channel.ts";
import type { SettledCall } from "../source/source.ts";
import type { About } from "./correlation.ts";
import type { FieldDifference } from "./field-differences.ts";

/** The options of `diff`. */
export interface DiffOptions {
  /** Channels whose `correlation` gives the attributes of their events; for other channels the baggage does. */
  readonly channels?: readonly Channel<unknown>[];
  /** Fields that may differ: `payload.timestamp`, `payload.fills[].id`, `key`. */
  readonly ignore?: readonly string[];
  /** Most differences that are listed; all are counted. Default 10,000. */
  readonly maxListed?: number;
  readonly signal?: AbortSignal;
}

/** An event that differs between the sides, or is on one side only. */
export interface EventDifference {
  readonly kind: "changed" | "missing" | "added";
  readonly channel: string;
  /** Undefined for an added event. */
  readonly recorded: EventLocation | undefined;
  /** Undefined for a missing event. */
  readonly replayed: EventLocation | undefined;
  /** Event ids of the causes, as they were recorded. */
  readonly causes: readonly string[];
  readonly about: About;
  /** The fields that differ; empty unless `kind` is `changed`. */
  readonly fields: readonly FieldDifference[];
}

/** The location of an event in the log of one side. */
export interface EventLocation {
  readonly eventId: string;
  readonly entryId: string;
  readonly partition: number;
}

/** An event that a component dead-lettered on one side only. */
export interface OutcomeDifference {
  readonly component: string;
  readonly channel: string;
  /** The id of the recorded event. */
  readonly eventId: string;
  readonly recorded: SettledCall["outcome"];
  readonly replayed: SettledCall["outcome"];
  /** The reason, where the replay dead-lettered the event and gives one. */
  readonly error: string | undefined;
  readonly about: About;
}

/** Numbers of events of one channel. */
export interface ChannelDifference {
  readonly same: number;
  readonly changed: number;
  readonly missing: number;
  readonly added: number;
}

/** The result of a comparison. */
export interface Difference {
  readonly recorded: string;
  readonly replayed: string;
  readonly isSame: boolean;
  readonly channels: Readonly<Record<string, ChannelDifference>>;
  readonly events: readonly EventDifference[];
  readonly outcomes: readonly OutcomeDifference[];
  /** The ids that the differences are about, by attribute, each once. */
  readonly concerned: About;
  /** Sentences for people about what could not be compared. */
  readonly notes: readonly string[];
}
