/** Dead letters as an operator changes them: redriven or purged. */

import type { LogStream } from "./inspect.ts";

export const redriveOutcomes = ["redriven", "gone", "trimmed", "open", "undelivered", "unreadable"] as const;

/**
 * `redriven`: its component has it again, as a first attempt. Left as they are: `gone`, redriven or purged before; `trimmed`, its entry is no
 * longer in the channel, and appending it again would show it to every component; `open`, the component has its entry in hand
 * already; `undelivered`, the component's group is gone or stands before the entry; `unreadable`, the letter names no entry.
 */
export type RedriveOutcome = (typeof redriveOutcomes)[number];
export type PurgeOutcome = "purged" | "gone";

/** The verbs that change something. Safe to send twice; the outcomes stand in the order of the ids. @throws {StoreError} */
export interface DeadLetterStore {
  redrive(stream: LogStream, letterIds: readonly string[]): Promise<readonly RedriveOutcome[]>;
  purge(stream: LogStream, letterIds: readonly string[]): Promise<readonly PurgeOutcome[]>;
}
