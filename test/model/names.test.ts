/** The rules for names that become parts of Redis keys. */

import * as assert from "uvu/assert";
import { isName, isNamespace } from "../../src/model/names.ts";
import { test } from "../support/test.ts";

test("a channel's, component's or store's name begins with a letter and has up to 128 characters", () => {
  for (const name of ["a", "client-orders", "a.b_c-1", "a".repeat(128)]) assert.ok(isName(name), name);
  for (const name of ["", "1a", "-a", "A", "a b", "a:b", "a\n", "é", "a".repeat(129), undefined, 7])
    assert.not(isName(name), String(name));
});

test("a namespace may begin with a digit and has up to 64 characters", () => {
  for (const name of ["a", "1", "trading.eu-1", "a".repeat(64)]) assert.ok(isNamespace(name), name);
  for (const name of ["", ".a", "A", "a:b", "{a}", "a\n", "a".repeat(65), undefined])
    assert.not(isNamespace(name), String(name));
});
