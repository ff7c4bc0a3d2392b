/** What a comparison of two runs is asked for, and what it gives. */

import type { Channel } from "../../model/channel.ts";
import type { SettledCall } from "../source/source.ts";
import type { About } from "./correlation.ts";
import type { FieldDifference } from "./field-differences.ts";

export interface DiffOptions {
  /** Channels whose `correlation` tells what their events are about; for others their baggage does. */
  readonly channels?: readonly Channel<unknown>[];
  /** Fields that may differ: `payload.timestamp`, `payload.fills[].id`, `key`. */
  readonly ignore?: readonly string[];
  /** Most differences that are listed; all are counted. Default 10,000. */
  readonly maxListed?: number;
  readonly signal?: AbortSignal;
}

/** An event that is not on both sides the same. */
export interface EventDifference {
  readonly kind: "changed" | "missing" | "added";
  readonly channel: string;
  /** Undefined where it was added. */
  readonly recorded: EventPlace | undefined;
  /** Undefined where it is missing. */
  readonly replayed: EventPlace | undefined;
  /** Event ids that it comes from, as they were recorded. */
  readonly causes: readonly string[];
  readonly about: About;
  /** Of a changed one. */
  readonly fields: readonly FieldDifference[];
}

export interface EventPlace {
  readonly eventId: string;
  readonly entryId: string;
  readonly partition: number;
}

/** An event that a component dead-lettered on one side only. */
export interface OutcomeDifference {
  readonly component: string;
  readonly channel: string;
  /** As it was recorded. */
  readonly eventId: string;
  readonly recorded: SettledCall["outcome"];
  readonly replayed: SettledCall["outcome"];
  /** Why, where the replay dead-lettered it and says so. */
  readonly error: string | undefined;
  readonly about: About;
}

export interface ChannelDifference {
  readonly same: number;
  readonly changed: number;
  readonly missing: number;
  readonly added: number;
}

export interface Difference {
  readonly recorded: string;
  readonly replayed: string;
  readonly isSame: boolean;
  readonly channels: Readonly<Record<string, ChannelDifference>>;
  readonly events: readonly EventDifference[];
  readonly outcomes: readonly OutcomeDifference[];
  /** The ids that differences are about, by attribute, each once. */
  readonly concerned: About;
  /** For people: what could not be compared, a sentence each. */
  readonly notes: readonly string[];
}
