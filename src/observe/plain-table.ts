/** A table for people: no colours and plain lines, as it is read in terminals, tickets and diffs alike. */

import Table from "cli-table3";

/** `right`: the columns that hold numbers. */
export function plainTable(head: string[], right: readonly string[] = []): Table.Table {
  return new Table({
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
}
