/** The process's log, for people and for programs, whatever is logged. */

import * as assert from "uvu/assert";
import { allHostile, unsafeIn } from "../support/hostile.ts";
import { startProcess } from "../support/process.ts";
import { test } from "../support/test.ts";

// No process takes a zero byte among its arguments.
const hostile = allHostile.replaceAll("\u0000", "");

async function logged(form: string): Promise<string> {
  await using child = startProcess("test/fixtures/logs-hostile.ts", [form, hostile]);
  assert.equal(await child.ended, { code: 0, signal: null }, child.stderr());
  return child.stderr();
}

test("a log for people shows names, fields, errors and messages as escapes", async () => {
  const text = await logged("readable");
  assert.equal(unsafeIn(text), []);
  assert.not.match(text, /^[^ ]*2026-01-01T00:00:00\.000Z {2}forged/m, "no line begins with what was logged");
  assert.match(text, "\\u001b[2J");
  assert.match(text, "\\n2026-01-01T00:00:00.000Z  forged line");
  assert.match(text, /^ +at .*logs-hostile\.ts/m, "the stack keeps its lines");
});

test("a log for programs is a line of JSON with the same text", async () => {
  const text = await logged("json");
  assert.equal(unsafeIn(text), []);
  assert.is(text.trimEnd().split("\n").length, 1);
  const line = JSON.parse(text);
  assert.equal([line.msg, line[hostile], line.err.message], [hostile, [hostile, { deep: hostile }], hostile]);
});
