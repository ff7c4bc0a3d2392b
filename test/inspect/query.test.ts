/** Events are found by any key that baggage can have. */

import * as assert from "uvu/assert";
import { toLogEntry } from "../../src/inspect/entries/log-reader.ts";
import { parseQuery } from "../../src/inspect/journey/query.ts";
import { test } from "../support/test.ts";

function isFound(query: string, baggage: string): boolean {
  const fields = ["id", "e-1", "time", "1", "payload", "{}", "baggage", baggage];
  return parseQuery(query).matches(toLogEntry({ channel: "orders", entryId: "1-0", fields }, 0));
}

test("an attribute is found whatever token its key is", () => {
  for (const key of ["payment.id", "3ds-id", "a!#$%&'*+.^_`|~b", "x"]) {
    assert.ok(isFound(`${key}=p 1`, `other=1,${key}=p%201`), key);
    assert.not.ok(isFound(`${key}=p`, `${key}=p%201`), key);
  }
});

test("each value of a list is found, in however many members it stands", () => {
  const baggage = "order.id=a|b,user.id=u,order.id=c%7Cd";
  for (const id of ["a", "b", "c", "d"]) assert.ok(isFound(`order.id=${id}`, baggage), id);
  assert.not.ok(isFound("order.id=e", baggage));
});
