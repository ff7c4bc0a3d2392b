/** A started process shows its lines and its end, and does not outlive its bracket. */

import * as assert from "uvu/assert";
import { startProcess } from "./process.ts";
import { rejects } from "./rejects.ts";
import { test } from "./test.ts";

const speaker = "test/fixtures/speaks.ts";

test("gives lines that were written before and after they are asked for", async () => {
  await using started = startProcess(speaker, ["one"], { env: { GREETING: "hello" } });
  assert.is(await started.line("hello"), "hello one");
  assert.is(await started.line(/^hello/), "hello one");
  started.end("two\n");
  assert.is(await started.line("two"), "heard two");
  assert.equal(await started.ended, { code: 3, signal: null });
  assert.is(started.stdout(), "hello one\nheard two\n");
});

test("rejects when the process ends without the line", async () => {
  await using started = startProcess(speaker);
  started.end();
  await rejects(started.line("never"), Error, /ended before a line with never/);
});

test("kills the process at the end of the bracket", async () => {
  const started = startProcess(speaker, ["x"]);
  await started.line("x");
  await started[Symbol.asyncDispose]();
  assert.equal(await started.ended, { code: null, signal: "SIGKILL" });
});
