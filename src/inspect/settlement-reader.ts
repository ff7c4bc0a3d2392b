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
  const heads = Array.from({ length: partitions }, (_, partition) => new Head(inspector, component, partition, to));
  await Promise.all(heads.map((head) => head.fill(from)));
  let run: RecordedSettlement[] = [];
  for (;;) {
    let first: Head | undefined;
    for (const head of heads) {
      if (head.row === undefined) continue;
      if (first?.row === undefined || compareIds(head.row.entryId, first.row.entryId) < 0) first = head;
    }
    const row = first?.row;
    if (first === undefined || row === undefined) break;
    run.push(row);
    if (first.advance()) continue;
    yield run;
    run = [];
    await first.fill(`(${row.entryId}`);
  }
  if (run.length > 0) yield run;
}

const firstPage = 16;
const largestPage = 200;
/** About as many handler calls are wanted in a page: one settlement may have a call, or some hundred. */
const callsInPage = 1_000;

/** The settlements of one partition. */
class Head {
  readonly #inspector: Inspector;
  readonly #component: string;
  readonly #partition: number;
  readonly #to: string;
  #rows: readonly RecordedSettlement[] = [];
  #index = 0;
  #size = firstPage;

  constructor(inspector: Inspector, component: string, partition: number, to: string) {
    this.#inspector = inspector;
    this.#component = component;
    this.#partition = partition;
    this.#to = to;
  }

  /** The next one; undefined where there is none. */
  get row(): RecordedSettlement | undefined {
    return this.#rows[this.#index];
  }

  /** False when the page is used up. */
  advance(): boolean {
    this.#index++;
    return this.#index < this.#rows.length;
  }

  async fill(from: string): Promise<void> {
    const range = { from, to: this.#to };
    this.#rows = await this.#inspector.settlements(this.#partition, this.#component, range, this.#size);
    this.#index = 0;
    const calls = this.#rows.reduce((sum, row) => sum + row.calls.length, 0);
    const fitting = Math.ceil((callsInPage * this.#rows.length) / Math.max(1, calls));
    this.#size = Math.max(1, Math.min(largestPage, this.#size * 4, fitting));
  }
}
