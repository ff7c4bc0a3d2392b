/** A table for people: no colours and plain lines, as it is read in terminals, tickets and diffs alike. */

import Table from "cli-table3";
import { escaped } from "../../model/safe-text.ts";

export interface PlainTable {
  /** Rows so far, without the head. */
  readonly length: number;
  /** A row; its texts may be anybody's. */
  push(cells: readonly (string | number)[]): void;
  toString(): string;
}

/** `right`: the columns that hold numbers. */
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
