/** Dead letters: the store's role for an operator who redrives or purges them. */

import type { LogStream } from "./inspect.ts";

/** Every outcome of a redrive. */
export const redriveOutcomes: readonly RedriveOutcome[] = [
  "redriven",
  "gone",
  "trimmed",
  "open",
  "undelivered",
  "unreadable",
];

/**
 * `redriven`: the letter's component gets the event again, as a first attempt. The other outcomes change nothing. `gone`: the letter was
 * redriven or purged before. `trimmed`: the channel no longer has the entry, and appending it again would show it to every component.
 * `open`: the component has the entry in flight. `undelivered`: the component's group is gone, or is positioned before the entry.
 * `unreadable`: the letter names no entry.
 */
export type RedriveOutcome = "redriven" | "gone" | "trimmed" | "open" | "undelivered" | "unreadable";
/** `gone`: the letter was redriven or purged before. */
export type PurgeOutcome = "purged" | "gone";

/** Changes dead letters. Each call may be sent twice; the outcomes are in the order of the ids. @throws {StoreError} */
export interface DeadLetterStore {
  redrive(stream: LogStream, letterIds: readonly string[]): Promise<readonly RedriveOutcome[]>;
  purge(stream: LogStream, letterIds: readonly string[]): Promise<readonly PurgeOutcome[]>;
}
