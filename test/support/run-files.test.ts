/** The runner counts the results, and does not accept a bad test file. */

import * as assert from "uvu/assert";
import { type FileResult, runFiles } from "./run-files.ts";
import { test } from "./test.ts";

/** Bounds that a fixture reaches on purpose are short. The others leave room for a busy machine, where a process starts late. */
async function runFixture(name: string, { silenceMs = 60_000, exitGraceMs = 60_000 } = {}): Promise<FileResult> {
  const heard: FileResult[] = [];
  const options = {
    env: process.env,
    concurrency: 1,
    silenceMs,
    exitGraceMs,
    onResult: (result: FileResult) => void heard.push(result),
  };
  const [result] = await runFiles([`test/fixtures/${name}.ts`], options);
  if (result === undefined) throw new Error("the runner gave no result");
  assert.equal(heard, [result]);
  return result;
}

/** The only failure of the fixture. */
async function failureOf(name: string, bounds = {}): Promise<string> {
  const { failures } = await runFixture(name, bounds);
  assert.is(failures.length, 1, JSON.stringify(failures));
  return failures[0]?.reason ?? "";
}

test("fails a file that throws at import, and shows the error", async () => {
  const result = await runFixture("throws-at-import");
  assert.equal(result.failures, [
    { test: "test/fixtures/throws-at-import.ts", reason: "ended with 1 before its first test" },
  ]);
  assert.match(result.output, "broken at import");
});

test("fails a file that registered no test", async () => {
  assert.is(await failureOf("registers-none"), "registered no test");
});

test("fails a test at its time-out and runs the next one", async () => {
  const result = await runFixture("hangs");
  assert.equal(result.failures, [{ test: "waits for ever", reason: "the test was not done after 50 ms" }]);
  assert.is(result.passed, 1);
});

test("kills a file whose event loop stands still", async () => {
  assert.match(await failureOf("blocks", { silenceMs: 1_500 }), "its event loop stood still");
});

test("fails a file that leaves a handle open, and names it", async () => {
  const result = await runFixture("leaks", { exitGraceMs: 1_500 });
  assert.is(result.passed, 1);
  assert.match(result.failures[0]?.reason ?? "", /left open after its last test: .*TCPServerWrap/);
});

test("fails tests that throw a value that is no error", async () => {
  const result = await runFixture("throws-a-string");
  assert.equal(
    result.failures.map((failure) => failure.reason),
    ['the test threw something that is no error: "just words"', "the test threw something that is no error: undefined"],
  );
});

test("fails a file that exits with success before its tests are done", async () => {
  assert.is(await failureOf("exits-early"), "ended with 1 before its last test was done");
});

test("fails a file that rejects after its last test", async () => {
  const result = await runFixture("rejects-late");
  assert.is(result.failures[0]?.reason, "ended with 1 after its last test");
  assert.match(result.output, "nobody listened");
});

test("fails a file that registers a test too late", async () => {
  const result = await runFixture("registers-late");
  assert.is(result.failures.length, 1);
  assert.match(result.output, 'test "is late" is registered too late');
});

test("counts a skipped test as neither passed nor failed", async () => {
  const result = await runFixture("skips");
  assert.equal(
    [result.passed, result.failures, result.skips],
    [1, [], [{ test: "needs a moon", reason: "there is no moon" }]],
  );
});
