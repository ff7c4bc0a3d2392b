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

/** A channel that holds entries. */
export interface Surveyed {
  readonly oldestId: string;
  /** Something is too old, or too much. */
  readonly isTrimmable: boolean;
}

/** Trims one stream by a bounded step, only up to the oldest entry that a group, or a named component whose group is gone, has not finished. */
export interface Trimmer {
  /** Looks at many channels of a partition at once; those without entries are left out. @throws {StoreError} */
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
