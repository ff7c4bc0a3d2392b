/** Reads a component's settlement log: which handler calls it settled, in the order in which it did. */

import { compareIds } from "../model/entry-ids.ts";
import type { RecordedSettlement } from "../model/recorded-settlement.ts";
import type { Inspector } from "../ports/inspect.ts";

export interface SettlementRange {
  /** First id of the log, included; `(` before it leaves it out. A time in epoch ms will do. Default: the oldest. */
  readonly from?: string;
  /** Last id, included. Default: the newest. */
  readonly to?: string;
}

/** Over all partitions, by their ids. Empty where the component keeps no log. @throws {StoreError} */
export async function* readSettlements(
  inspector: Inspector,
  component: string,
  { from = "-", to = "+" }: SettlementRange = {},
): AsyncGenerator<RecordedSettlement, void, undefined> {
  const partitions = (await inspector.catalogue())?.partitions ?? 1;
  const heads: { rows: readonly RecordedSettlement[]; place: number; readonly partition: number }[] = [];
  const page = (partition: number, after: string): Promise<readonly RecordedSettlement[]> =>
    inspector.settlements(partition, component, { from: after, to }, pageSize);
  for (let partition = 0; partition < partitions; partition++) {
    heads.push({ rows: await page(partition, from), place: 0, partition });
  }
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const head of heads) {
      const row = head.rows[head.place];
      if (row === undefined) continue;
      if (first === undefined || compareIds(row.entryId, first.rows[first.place]?.entryId ?? "") < 0) first = head;
    }
    const row = first?.rows[first.place];
    if (first === undefined || row === undefined) return;
    yield row;
    first.place++;
    if (first.place < first.rows.length) continue;
    first.rows = await page(first.partition, `(${row.entryId}`);
    first.place = 0;
  }
}

const pageSize = 200;
