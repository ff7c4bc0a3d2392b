/** The owner's row and the counts of attempts, as the store in memory has them. */

import type { AttemptCount, Claim, OwnerRow, Slice } from "../ports/own.ts";
import type { SettleReply } from "../ports/settle.ts";
import { keyOf } from "./keyspace.ts";
import type { MemoryServer } from "./server.ts";

export interface OpenId {
  readonly id: string;
  /** The store has refused to settle it in a batch whose position is past it. */
  readonly isRefused: boolean;
}

export interface SavedPosition {
  readonly at: string;
  readonly open: readonly OpenId[];
}

/** Replaced whole at each change. */
export interface Row extends OwnerRow {
  /** Takeovers by death while the floors stood still. */
  readonly deaths: number;
  /** By channel, at the last acquisition: the oldest that was unfinished, or where the unread began. */
  readonly floors: ReadonlyMap<string, string>;
  readonly positions: ReadonlyMap<string, SavedPosition>;
  /** The last id in the relay that was moved, by the partition that it was for. */
  readonly moved: ReadonlyMap<number, string>;
  /** The last replies, by number. */
  readonly replies: ReadonlyMap<number, SettledReply>;
}

export type SettledReply = SettleReply & { readonly outcome: "settled" };

/** The consumer that stands for what waits for a retry while others of its key go on. */
export const parkedConsumer = "parked";

/** The durable count of an entry's attempts. */
export interface Attempts {
  readonly attempt: number;
  readonly starts: number;
  /** By the server's clock, epoch ms. */
  readonly dueAt: number;
  /** Its retry is not named in `open`: others of its key go on. */
  readonly isParked: boolean;
}

export function rowOf(server: MemoryServer, { component, partition }: Slice): Row | undefined {
  return server.keys.hash<Row>(keyOf.owner(partition, component))?.get("row");
}

export function writeRow(server: MemoryServer, { component, partition }: Slice, row: Row): void {
  server.keys.madeHash<Row>(keyOf.owner(partition, component)).set("row", row);
}

export function isHeldBy(row: Row | undefined, claim: Claim): row is Row {
  return row !== undefined && row.epoch === claim.epoch && row.owner === claim.owner;
}

export function memberOf({ owner }: Row): string {
  return owner.split("/", 1)[0] ?? "";
}

export function attemptsOf(
  server: MemoryServer,
  { component, partition }: Slice,
  channel: string,
): Map<string, Attempts> {
  return server.keys.madeHash<Attempts>(keyOf.attempts(partition, channel, component));
}

export function recordOf({ attempt, starts, dueAt }: Attempts, now: number): AttemptCount {
  return { attempt, starts, dueInMs: Math.max(0, dueAt - now) };
}
