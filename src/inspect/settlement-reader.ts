/** Reads a component's settlement log: the handler calls that the component settled, in the order of settlement. */

import { compareIds } from "../model/entry-ids.ts";
import type { RecordedSettlement } from "../model/recorded-settlement.ts";
import type { Inspector } from "../ports/inspect.ts";

/** A range of the settlement log. */
export interface SettlementRange {
  /** First id of the log, included; `(` before the id excludes it. A time in epoch ms is accepted too. Default: the oldest. */
  readonly from?: string;
  /** Last id, included. Default: the newest. */
  readonly to?: string;
}

/** Reads all partitions, merged by id; nothing where the component keeps no log. @throws {StoreError} */
export async function* readSettlements(
  inspector: Inspector,
  component: string,
  range: SettlementRange = {},
): AsyncGenerator<RecordedSettlement, void, undefined> {
  for await (const run of settlementRuns(inspector, component, range)) yield* run;
}

/** The same in runs, for whoever reads much. */
export async function* settlementRuns(
  inspector: Inspector,
  component: string,
  { from = "-", to = "+" }: SettlementRange,
): AsyncGenerator<readonly RecordedSettlement[], void, undefined> {
  const partitions = (await inspector.catalogue())?.partitions ?? 1;
  const heads: { rows: readonly RecordedSettlement[]; index: number; readonly partition: number }[] = [];
  const page = (partition: number, after: string): Promise<readonly RecordedSettlement[]> =>
    inspector.settlements(partition, component, { from: after, to }, pageSize);
  for (let partition = 0; partition < partitions; partition++) {
    heads.push({ rows: await page(partition, from), index: 0, partition });
  }
  let run: RecordedSettlement[] = [];
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const head of heads) {
      const row = head.rows[head.index];
      if (row === undefined) continue;
      if (first === undefined || compareIds(row.entryId, first.rows[first.index]?.entryId ?? "") < 0) first = head;
    }
    const row = first?.rows[first.index];
    if (first === undefined || row === undefined) break;
    run.push(row);
    first.index++;
    if (first.index < first.rows.length) continue;
    yield run;
    run = [];
    first.rows = await page(first.partition, `(${row.entryId}`);
    first.index = 0;
  }
  if (run.length > 0) yield run;
}

const pageSize = 200;
