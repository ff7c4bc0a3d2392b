/** The history checker finds each kind of violation in a history, and no other. */

import * as assert from "uvu/assert";
import { test } from "../support/test.ts";
import { checkHistory } from "./check.ts";
import {
  counterOf,
  Edit,
  input,
  isEntry,
  isHandled,
  isPublish,
  isSettlement,
  outcome,
  output,
  settlement,
  withoutAll,
} from "./edit.ts";
import type { Fact, FactOf } from "./history.ts";
import type { ViolationKind } from "./violation.ts";

const wrongOnes: Readonly<Record<string, readonly [kinds: readonly ViolationKind[], text: RegExp, (e: Edit) => Edit]>> =
  {
    "a lost entry": [["lost"], /in e2 was acknowledged as 2-0/, (edit) => withoutAll(edit, 2)],
    "an entry that was lost before a fault that came later": [
      ["lost"],
      /in e3 /,
      (edit) => withoutAll(edit, 3).with({ fact: "loss", upTo: "2-9" }),
    ],
    "a loss on another channel": [
      ["lost"],
      /in e3 /,
      (edit) => withoutAll(edit, 3).with({ fact: "loss", channel: "out", upTo: "9-0" }),
    ],
    "an entry from before the moment that a server went back to": [
      ["lost"],
      /in e2 was acknowledged as 2-0/,
      (edit) => withoutAll(edit, 2).with({ fact: "loss", channel: "in", after: "2-0", upTo: "3-5" }),
    ],
    "an output that is missing although a server went back, as it goes back with all of its channels": [
      ["missing"],
      /in e3 is acknowledged and has 0 of 1 outputs/,
      (edit) => edit.without(isEntry("o3")).with({ fact: "loss", channel: "out", after: "1-0", upTo: "9-0" }),
    ],
    "an entry that was appended twice": [
      ["doubled"],
      /in e2 is in the log 2 times: 7-0, 2-0/,
      (edit) => edit.with({ ...input(2), entryId: "7-0" }),
    ],
    "an unknown publish that is there twice": [
      ["doubled"],
      /in e2 is in the log 2 times/,
      (edit) => edit.replace(isPublish(2), outcome("unknown")).with({ ...input(2), entryId: "7-0" }),
    ],
    "a rejected publish that is there": [
      ["refused"],
      /in e4 was rejected/,
      (e) => e.replace(isPublish(4), outcome("rejected")),
    ],
    "an entry that nobody published": [["refused"], /in e4 .* nobody/, (edit) => edit.without(isPublish(4))],
    "an output that was appended twice": [
      ["doubled"],
      /out o2 is in the log 2 times/,
      (edit) => edit.with({ ...output(2), entryId: "1-1" }),
    ],
    "a second output of one event": [
      ["doubled"],
      /in e2 has 2 outputs/,
      (edit) => edit.with({ ...output(2), id: "another", entryId: "1-1" }).replace(...unordered),
    ],
    "an effect on state that was counted twice": [
      ["doubled"],
      /counts says 7, and 6/,
      (edit) => edit.with(counterOf(1)),
    ],
    "an acknowledgement without its output": [
      ["missing"],
      /in e5 is acknowledged and has 0 of 1/,
      (edit) => edit.without(isEntry("o5")),
    ],
    "an acknowledgement without its effect on state": [
      ["missing"],
      /counts says 5, and 6/,
      (e) => e.with(counterOf(-1)),
    ],
    "an output that retention does not excuse": [
      ["missing"],
      /in e1 is acknowledged/,
      (edit) =>
        edit
          .without(isEntry("e1"))
          .without(isEntry("o1"))
          .without(isSettlement(1))
          .with({ fact: "trimmed", channel: "in", partition: 0, upTo: "1-0" }),
    ],
    "an output of what is still pending": [
      ["unfinished", "unbacked"],
      /in e3 is not settled and has outputs/,
      (edit) => edit.replace(isSettlement(3), () => settlement(3, "pending")).with(counterOf(-1)),
    ],
    "an output of a dead letter": [
      ["unbacked"],
      /in e3 is a dead letter and has outputs/,
      (edit) => edit.with(counterOf(-1), settlement(3, "deadLettered")),
    ],
    "an output that comes from nowhere": [
      ["unbacked"],
      /out stray comes from nothing,/,
      (edit) => edit.with({ ...output(1), id: "stray", causes: ["nothing"], entryId: "1-1" }),
    ],
    "an entry that nobody has read": [
      ["unfinished"],
      /in e6 is unread/,
      (edit) =>
        edit
          .without(isEntry("o6"))
          .replace(isSettlement(6), () => settlement(6, "unread"))
          .with(counterOf(-1)),
    ],
    "two dead letters of one entry": [
      ["doubled"],
      /in e3 has more than one dead letter/,
      (edit) =>
        edit.without(isEntry("o3")).with(counterOf(-1), settlement(3, "deadLettered"), settlement(3, "deadLettered")),
    ],
    "a dead letter of an entry that is pending as well": [
      ["doubled"],
      /in e3 has a dead letter and is still pending/,
      (edit) =>
        edit
          .without(isEntry("o3"))
          .replace(isSettlement(3), () => settlement(3, "pending"))
          .with(counterOf(-1), settlement(3, "deadLettered")),
    ],
    "publishes of one key in another order than their calls": [
      ["reordered"],
      /p: in key "odd": e1 is in the log before e3/,
      (edit) => edit.swap(isPublish(1), isPublish(3)),
    ],
    "a key that was handled out of order": [
      ["reordered"],
      /c m: in key "even": e2 .* was handled after e4/,
      (edit) => edit.swap(isHandled(2), isHandled(4)),
    ],
    "a key whose outputs are out of order": [
      ["reordered"],
      /in key "even": e2 .* its output after e4/,
      (edit) => edit.swap(isEntry("o2"), isEntry("o4")),
    ],
    "a cancel that only one book knows of": [
      ["sum", "sum"],
      /cancelled: client orders says 1, exchange 2/,
      (edit) => edit.replace(isOrder("a"), (fact) => ({ ...(fact as FactOf<"quantity">), executed: 6, cancelled: 1 })),
    ],
    "an order that was executed beyond its quantity": [
      ["sum", "sum"],
      /client orders b: 1 more executed, rejected or cancelled than the 5/,
      (edit) => edit.replace(isOrder("b"), (fact) => ({ ...(fact as FactOf<"quantity">), executed: 6 })),
    ],
    "an order that stays open": [
      ["sum", "sum"],
      /client orders b stays open with 2 of 5/,
      (edit) => edit.replace(isOrder("b"), (fact) => ({ ...(fact as FactOf<"quantity">), executed: 3 })),
    ],
    "one order's loss that hides behind another's gain": [
      ["sum", "sum"],
      /client orders a: 1 more.*\n.*b stays open with 1/,
      (edit) =>
        edit
          .replace(isOrder("a"), (fact) => ({ ...(fact as FactOf<"quantity">), executed: 6 }))
          .replace(isOrder("b"), (fact) => ({ ...(fact as FactOf<"quantity">), executed: 4 })),
    ],
    "an exchange that has filled what nobody knows of": [
      ["sum", "sum"],
      /ordered: client orders says 15, exchange 16/,
      (edit) => edit.replace(isOrder(""), (fact) => ({ ...(fact as FactOf<"quantity">), ordered: 16, executed: 11 })),
    ],
  };

function isOrder(order: string): (fact: Fact) => boolean {
  return (fact) => fact.fact === "quantity" && fact.order === order;
}

const unordered: [(fact: Fact) => boolean, (fact: Fact) => Fact] = [
  ({ fact }) => fact === "flow",
  (fact) => ({ ...(fact as FactOf<"flow">), order: undefined }),
];

for (const [name, [kinds, text, edit]] of Object.entries(wrongOnes)) {
  test(`finds ${name}, and nothing else`, () => {
    const violations = checkHistory(edit(new Edit()).facts);
    assert.equal(violations.map(({ kind }) => kind).toSorted(), kinds.toSorted(), JSON.stringify(violations));
    assert.match(violations.map((violation) => violation.text).join("\n"), text);
  });
}

test("finds each of 300,000 missing outputs, and those of a circle of causes", () => {
  const count = 300_000;
  const facts: Fact[] = [{ fact: "flow", component: "c", from: "in", to: "in", least: 1 }];
  for (let n = 0; n < count; n++) {
    const causes = n % 2 === 0 && n > 0 ? [`e${n - 2}`] : n === 0 ? [] : ["nobody"];
    facts.push({ ...input(n), causes });
    facts.push({
      fact: "settlement",
      component: "c",
      channel: "in",
      partition: 0,
      entryId: `${n}-0`,
      id: `e${n}`,
      state: "acked",
    });
  }
  facts.push({ fact: "end", drained: true });
  const violations = checkHistory(facts);
  const kinds = Map.groupBy(violations, ({ kind }) => kind);
  assert.is(kinds.get("missing")?.length, count / 2 + 1);
  assert.is(kinds.get("unbacked")?.length, count / 2);
});
