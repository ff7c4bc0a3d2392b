/** Trimming: how retention removes entries. */

import type { Retention } from "../model/retention-policy.ts";
import type { LogStream } from "./inspect.ts";

export interface Trimmed {
  readonly removed: number;
  /** Calling again would remove more. */
  readonly hasMore: boolean;
  /** Something may go that a component has not finished. */
  readonly isHeld: boolean;
}

/** Trims one stream by a bounded step, never past what a group, or one of the components without its group, has not finished. */
export interface Trimmer {
  /** @throws {StoreError} */
  trim(stream: LogStream, retention: Retention, components: readonly string[]): Promise<Trimmed>;
  /** Removes what a component has settled before an id. @throws {StoreError} */
  trimSettlements(partition: number, component: string, beforeId: string): Promise<void>;
  close(): void;
}
