/** The schedule of a replay: kept against its beginning, whatever any single entry does. */

import * as assert from "uvu/assert";
import { ConfigError } from "../../src/errors.ts";
import { factorOf, Pace, type Speed } from "../../src/replay/pacing.ts";
import { test } from "../support/test.ts";

/** Ms from the beginning at which each entry went. */
async function timesOf(pace: Pace, ats: readonly number[]): Promise<readonly number[]> {
  const times: number[] = [];
  let startedAt: number | undefined;
  for (const at of ats) {
    await pace.due(at);
    startedAt ??= performance.now();
    times.push(performance.now() - startedAt);
  }
  return times;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const t0 = 1_700_000_000_000;

test("a thousand entries a second keep their times within 5 ms in the median, and the last is no later than the others", async () => {
  const ats = Array.from({ length: 1_000 }, (_, i) => t0 + i);
  const times = await timesOf(new Pace("original"), ats);
  const off = times.map((time, i) => Math.abs(time - i));
  console.log(`median ${median(off).toFixed(2)} ms, most ${Math.max(...off).toFixed(2)} ms`);
  assert.ok(median(off) <= 5, `median ${median(off)} ms`);
  // A drift of each entry would have added up by the end.
  assert.ok(median(off.slice(-100)) <= 5, `median of the last hundred ${median(off.slice(-100))} ms`);
});

test("no entry goes before its time", async () => {
  const ats = [0, 3, 3.5, 7.25, 20, 21].map((ms) => t0 + ms);
  const times = await timesOf(new Pace("original"), ats);
  times.forEach((time, i) => {
    const due = (ats[i] as number) - t0;
    assert.ok(time >= due - 1, `entry ${i} went after ${time} ms, due after ${due}`);
  });
});

test("ten times as fast takes a tenth of the time, and max takes none", async () => {
  const ats = [0, 500, 1_000, 2_000].map((ms) => t0 + ms);
  const fast = (await timesOf(new Pace(10), ats)).at(-1) as number;
  assert.ok(fast >= 199 && fast < 1_500, `${fast} ms`);
  const flat = (await timesOf(new Pace("max"), [t0, t0 + 86_400_000])).at(-1) as number;
  assert.ok(flat < 1_000, `${flat} ms`);
});

test("what was due during a stall goes at once, and the schedule does not move", async () => {
  const pace = new Pace("original");
  await pace.due(t0);
  const startedAt = performance.now();
  while (performance.now() - startedAt < 60); // a handler, a collection of garbage, a slow Redis
  const late = performance.now();
  for (const ms of [10, 20, 30, 40, 50]) await pace.due(t0 + ms);
  assert.ok(performance.now() - late < 20, "the five that were overdue waited");
  await pace.due(t0 + 150);
  const end = performance.now() - startedAt;
  assert.ok(end >= 149 && end < 205, `the one after the stall went after ${end} ms, not after 150`);
  assert.ok(pace.maxLateMs >= 45, `late by ${pace.maxLateMs} ms`);
});

test("a time that lies before the first one is due at once", async () => {
  const pace = new Pace("original");
  await pace.due(t0);
  assert.is(pace.waitMs(t0 - 3_600_000), 0);
});

test("an abort ends the wait for an entry that is due tomorrow", async () => {
  const pace = new Pace("original");
  const stop = new AbortController();
  await pace.due(t0, stop.signal);
  setImmediate(() => stop.abort());
  await pace.due(t0 + 86_400_000, stop.signal);
  assert.ok(stop.signal.aborted);
});

test("what is no speed is refused", () => {
  for (const speed of [0, -1, Number.NaN, "fast" as Speed]) {
    assert.throws(
      () => factorOf(speed),
      (error: unknown) => error instanceof ConfigError,
    );
  }
  assert.equal([factorOf("original"), factorOf(0.5), factorOf("max")], [1, 0.5, Number.POSITIVE_INFINITY]);
});
