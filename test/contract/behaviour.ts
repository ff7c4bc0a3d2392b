/** A behaviour of a store, and what behaviours do with one: an owner of a slice, settlements, batches. */

import * as assert from "uvu/assert";
import { StoreError } from "../../src/model/errors.ts";
import type { NewEntry } from "../../src/ports/append.ts";
import type { Acquired, Claim, OwnerRow, Slice, Start } from "../../src/ports/own.ts";
import type { Batch, Output, Position, SettledEntry, Settlement } from "../../src/ports/settle.ts";
import type { Session } from "../../src/ports/slice-store.ts";
import type { Harness } from "./harness.ts";

export interface Behaviour {
  readonly name: string;
  readonly run: (harness: Harness) => Promise<void>;
}

export const component = "ledger";
export const slice: Slice = { component, partition: 0 };
export const channel = "payments";

/** An owner of the slice. */
export interface Owner {
  readonly session: Session;
  readonly claim: Claim;
  readonly start: Start;
  readonly acquired: Acquired & { outcome: "acquired" };
}

let tokens = 0;

export async function tryToOwn(
  session: Session,
  seen: OwnerRow | Claim | undefined,
  member = "m1",
  more: object = {},
): Promise<{ readonly acquired: Acquired; readonly owner: string }> {
  const token = `t${++tokens}`;
  const acquisition = { member, token, seen, highestEpoch: 0, isDeath: false, begin: "0" as const, ...more };
  return { acquired: await session.acquire(acquisition), owner: `${member}/${token}` };
}

export async function own({ store }: Harness, member = "m1", more: object = {}): Promise<Owner> {
  const session = store.open(slice, [channel]);
  const { row } = await session.look([]);
  const { acquired, owner } = await tryToOwn(session, row, member, more);
  if (acquired.outcome === "lost") throw new Error("the slice could not be acquired");
  return { session, acquired, claim: { epoch: acquired.epoch, owner }, start: acquired.starts[0] as Start };
}

export function entriesOf(ids: readonly string[], isNoted = false): readonly SettledEntry[] {
  return ids.map((entryId) => ({ channel, entryId, isNoted }));
}

export function acked(ids: readonly string[], more: Partial<Settlement & { kind: "acked" }> = {}): Settlement {
  return { kind: "acked", locks: [], entries: entriesOf(ids), outputs: [], changes: [], ...more };
}

export function output(to: string, id: string, cap = 0): Output {
  const entry: NewEntry = {
    channel: { name: to, dedupeWindowMs: 0, cap },
    values: [id, "1", "", "{}", "", "", "", ""],
  };
  return { partition: 0, entry };
}

export function at(position: string, open: readonly string[] = [], entriesRead = 1): Position {
  return { channel, at: position, open, entriesRead };
}

export const batch = (number: number, settlements: readonly Settlement[], position: Position): Batch => ({
  number,
  settlements,
  positions: [position],
});

export async function startOf(harness: Harness, member: string, more: object = {}): Promise<Start> {
  const { session, start } = await own(harness, member, more);
  session.close();
  return start;
}

export const idsOf = (entries: readonly Readonly<Record<string, string>>[]): readonly (string | undefined)[] =>
  entries.map((fields) => fields["id"]);

export const refusal = async (call: Promise<unknown>): Promise<void> => {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.instance(outcome, StoreError);
};
