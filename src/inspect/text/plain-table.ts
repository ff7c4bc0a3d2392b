/** A table for people: no colours and plain lines, so that it reads the same in terminals, tickets and diffs. */

import Table from "cli-table3";
import { escaped } from "../../model/safe-text.ts";

/** A table under construction. */
export interface PlainTable {
  /** Number of rows, without the head. */
  readonly length: number;
  /** Adds a row, and escapes its texts, which may come from anybody. */
  push(cells: readonly (string | number)[]): void;
  toString(): string;
}

/** Makes a table. `right`: the columns that are aligned right, because they hold numbers. */
export function plainTable(head: string[], right: readonly string[] = []): PlainTable {
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: head.map((name) => (right.includes(name) ? "right" : "left")),
    chars: {
      top: "",
      "top-mid": "",
      "top-left": "",
      "top-right": "",
      bottom: "",
      "bottom-mid": "",
      "bottom-left": "",
      "bottom-right": "",
      left: "",
      "left-mid": "",
      mid: "",
      "mid-mid": "",
      right: "",
      "right-mid": "",
      middle: " ",
    },
  });
  return {
    get length() {
      return table.length;
    },
    push: (cells) => void table.push(cells.map((cell) => (typeof cell === "string" ? escaped(cell) : cell))),
    toString: () => table.toString(),
  };
}
