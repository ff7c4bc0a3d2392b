/** Rules of a source that are left out, each as an edit of the sources that must apply. */

import type { Mutation } from "../mutation.ts";

const appends = "sources/appends.ts";
const tenure = "sources/tenure.ts";

export const sourceMutations: readonly Mutation[] = [
  {
    name: "position-outside-the-step",
    what: "the position is written by itself, in the batch after that of its events",
    of: "rule",
    edits: [
      { file: appends, find: "const maxAppends = 128;", replace: "const maxAppends = 1;" },
      {
        file: appends,
        find: "this.#queue.push({ events, position, size, settlement, written, failed });",
        replace: `let ids: readonly string[] = [];
      const keepIds = (own: readonly string[]): void => void (ids = own);
      const [brings, moves] = [{ ...settlement, changes: [] }, { ...settlement, outputs: [] }];
      this.#queue.push({ events, position, size, settlement: brings as Settlement, written: keepIds, failed });
      this.#queue.push({ events: [], position, size: 0, settlement: moves as Settlement, written: () => written(ids), failed });`,
      },
    ],
    faults: [],
    foundBy: 1,
    after: 1,
    simulation: "sources",
  },
  {
    name: "fence-not-compared",
    what: "an append is written whoever owns the source's partition",
    of: "▲",
    edits: [
      {
        file: "memory/settle.ts",
        find: 'if (!isHeldBy(row, this.#claim)) return { outcome: "fenced", row };',
        replace: 'if (row === undefined) return { outcome: "fenced", row };',
      },
    ],
    faults: ["stop"],
    foundBy: 737,
    after: 297,
    simulation: "sources",
  },
  {
    name: "append-written-as-often-as-it-is-sent",
    what: "an append is written as often as it is sent",
    of: "rule",
    edits: [
      { file: "memory/settle.ts", find: "if (number <= row.seq) return this.#replyAgain(row);", replace: "" },
      {
        file: "memory/settle.ts",
        find: "if (number > row.seq + 1) return",
        replace: "if (number > row.seq + 9) return",
      },
    ],
    faults: ["cut"],
    foundBy: 24,
    after: 13,
    simulation: "sources",
  },
  {
    name: "refused-append-overtaken",
    what: "an append is written although the one before it was refused",
    of: "rule",
    edits: [{ file: appends, find: 'Object.freeze(["position"])', replace: "Object.freeze([])" }],
    faults: [],
    foundBy: 142,
    after: 142,
    simulation: "sources",
  },
  {
    name: "position-remembered",
    what: "a new owner goes on from the position that its process knew, and does not read it",
    of: "rule",
    edits: [
      {
        file: tenure,
        find: "const json = await this.#ask(",
        replace: "if (memory.position !== undefined) return;\n    const json = await this.#ask(",
      },
    ],
    faults: [],
    foundBy: 3,
    after: 3,
    simulation: "sources",
  },
  {
    name: "run-while-appends-are-under-way",
    what: "a run begins while appends of the run before it are under way",
    of: "rule",
    edits: [
      {
        file: tenure,
        find: "while (!this.#appends.isIdle && !this.#isQuiet) await this.#change.next();",
        replace: "",
      },
    ],
    faults: ["hangUp"],
    foundBy: 394,
    after: 46,
    simulation: "sources",
  },
  {
    name: "begun-again-where-it-had-begun",
    what: "a run that failed is begun again where it had begun, not where it had come to",
    of: "rule",
    edits: [{ file: tenure, find: "memory.position = this.#appends.position ?? memory.position;", replace: "" }],
    faults: ["hangUp"],
    foundBy: 33,
    after: 1,
    simulation: "sources",
  },
  {
    name: "run-without-confirmation",
    what: "a run begins however long ago the ownership was confirmed",
    of: "rule",
    edits: [
      { file: tenure, find: "if (!this.#hold.mayStart) {", replace: "if (!this.#hold.mayStart && this.#isOver) {" },
    ],
    faults: [],
    foundBy: 56,
    after: 56,
    simulation: "sources",
  },
  {
    name: "former-run-not-waited-for",
    what: "a run begins while the one before it goes on in the same process",
    of: "rule",
    edits: [{ file: tenure, find: "await atMost(clock, takeoverAfterMs, memory.lastRun);", replace: "" }],
    faults: [],
    foundBy: 64,
    after: 64,
    simulation: "sources",
  },
];
