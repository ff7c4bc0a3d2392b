/** The history checker finds no violation in a right history, whatever faults, retention and order have made of it. */

import * as assert from "uvu/assert";
import { test } from "../support/test.ts";
import { checkHistory } from "./check.ts";
import {
  counterOf,
  Edit,
  handled,
  isEntry,
  isHandled,
  isPublish,
  isSettlement,
  outcome,
  settlement,
  withoutAll,
} from "./edit.ts";
import type { FactOf } from "./history.ts";

const rightOnes: Readonly<Record<string, (edit: Edit) => Edit>> = {
  "nothing changed": (edit) => edit,
  "an unknown publish that is there": (edit) => edit.replace(isPublish(2), outcome("unknown")),
  "an unknown publish that is not": (edit) => withoutAll(edit.replace(isPublish(2), outcome("unknown")), 2),
  "a rejected publish that is not there": (edit) => withoutAll(edit.replace(isPublish(2), outcome("rejected")), 2),
  "a dead letter without output": (edit) =>
    edit.without(isEntry("o3")).with(counterOf(-1), settlement(3, "deadLettered")),
  "something pending while the load goes on": (edit) =>
    edit
      .without(isEntry("o6"))
      .with(counterOf(-1))
      .replace(isSettlement(6), () => settlement(6, "pending"))
      .replace(
        ({ fact }) => fact === "end",
        () => ({ fact: "end", drained: false }),
      ),
  "a handler that ran again": (edit) => edit.swap(isHandled(6), isHandled(6)).with(handled(1)),
  "keys that overtake one another": (edit) => edit.swap(isHandled(1), isHandled(2)).swap(isEntry("o3"), isEntry("o4")),
  "what a fault may have lost": (edit) => withoutAll(edit, 1).with({ fact: "loss", upTo: "1-5" }),
  "what a server has lost that went back to an earlier moment": (edit) =>
    withoutAll(edit, 2).with({ fact: "loss", channel: "in", after: "1-0", upTo: "2-5" }),
  "what retention has removed": (edit) =>
    edit
      .without(isEntry("e1"))
      .without(isSettlement(1))
      .with({ fact: "trimmed", channel: "in", partition: 0, upTo: "1-0" }),
  "outputs in an order that nobody promises": (edit) =>
    edit.swap(isEntry("o1"), isEntry("o5")).replace(
      ({ fact }) => fact === "flow",
      (fact) => ({ ...(fact as FactOf<"flow">), order: "handling" }),
    ),
  "order that nobody promises": (edit) =>
    edit
      .swap(isHandled(1), isHandled(5))
      .swap(isEntry("o1"), isEntry("o5"))
      .replace(
        ({ fact }) => fact === "flow",
        (fact) => ({ ...(fact as FactOf<"flow">), order: undefined }),
      ),
};

for (const [name, edit] of Object.entries(rightOnes)) {
  test(`finds nothing wrong in ${name}`, () => {
    assert.equal(checkHistory(edit(new Edit()).facts), []);
  });
}
