/** Trimming: the store's role for retention. */

import type { Retention } from "../model/retention-policy.ts";
import type { LogStream } from "./inspect.ts";

/** The result of one step of trimming. */
export interface Trimmed {
  readonly removed: number;
  /** True where another call would remove more. */
  readonly hasMore: boolean;
  /** True where the policy lets an entry go that a component has not finished. */
  readonly isHeld: boolean;
}

/** A stream that holds entries, as a survey found it. */
export interface Surveyed {
  readonly oldestId: string;
  /** True where the policy lets an entry go. */
  readonly isTrimmable: boolean;
}

/** Trims one stream by a bounded step, only up to the oldest entry that a group, or a named component whose group is gone, has not finished. */
export interface Trimmer {
  /** Surveys many channels of a partition at once; channels without entries are left out. @throws {StoreError} */
  survey(
    partition: number,
    channels: readonly (readonly [channel: string, retention: Retention])[],
  ): Promise<ReadonlyMap<string, Surveyed>>;
  /** @throws {StoreError} */
  trim(stream: LogStream, retention: Retention, components: readonly string[]): Promise<Trimmed>;
  /** Removes a component's settlements before an id. @throws {StoreError} */
  trimSettlements(partition: number, component: string, beforeId: string): Promise<void>;
  close(): void;
}
