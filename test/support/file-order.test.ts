/** The runner starts the longest files first, by what it has measured, and by a guess where it has not. */

import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { longestFirst, readDurations, recordDurations } from "./file-order.ts";
import { test } from "./test.ts";

test("orders files by what they took when they were last run", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "throughline-order-"));
  const [a, b, c] = ["a", "b", "c"].map((name) => join(directory.path, name)) as [string, string, string];
  for (const file of [a, b, c]) await writeFile(file, "");
  const path = join(directory.path, "deep", "durations.json");
  recordDurations(path, [
    { file: a, durationMs: 1_000 },
    { file: b, durationMs: 5_000 },
  ]);
  recordDurations(path, [
    { file: c, durationMs: 3_000 },
    { file: b, durationMs: 2_000 },
  ]);
  assert.equal(readDurations(path), { [a]: 1_000, [b]: 2_000, [c]: 3_000 });
  assert.equal(longestFirst([a, b, c], readDurations(path)), [c, b, a]);
});

test("places a file that was never run by its time-outs and the processes that it starts", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "throughline-order-"));
  const [short, starts, patient, known] = ["short", "starts", "patient", "known"].map((name) =>
    join(directory.path, name),
  ) as [string, string, string, string];
  await writeFile(short, "test()");
  await writeFile(starts, "startProcess(script)");
  await writeFile(patient, "test({ timeoutMs: 120_000 });\nconst timeoutMs = 60_000;");
  await writeFile(known, "test()");
  const order = longestFirst([short, known, starts, patient], { [known]: 15_000 });
  assert.equal(order, [patient, known, starts, short]);
});

test("knows nothing where the record is missing or broken", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "throughline-order-"));
  const path = join(directory.path, "durations.json");
  assert.equal(readDurations(path), {});
  for (const broken of ["", "[", "null", "7", '{"a":"long"}']) {
    await writeFile(path, broken);
    assert.equal(readDurations(path), {}, broken);
  }
  recordDurations(path, [{ file: "a", durationMs: 1 }]);
  assert.equal(readDurations(path), { a: 1 });
});
