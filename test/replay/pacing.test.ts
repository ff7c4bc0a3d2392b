/** The schedule of a replay: every entry is due relative to the start, whatever a single entry does. */

import * as assert from "uvu/assert";
import { ConfigError } from "../../src/model/errors.ts";
import type { Speed } from "../../src/model/speed.ts";
import { factorOf, Pace } from "../../src/replay/source/pacing.ts";
import { test } from "../support/test.ts";

/** Ms from the beginning at which each entry went. The schedule begins with it or later. */
async function timesOf(pace: Pace, ats: readonly number[]): Promise<readonly number[]> {
  const times: number[] = [];
  const startedAt = performance.now();
  for (const at of ats) {
    await pace.due(at);
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** The times at which the event loop ran, so that a schedule's delay can be compared with the machine's in the same moment. */
class LoopWatch implements Disposable {
  readonly #ticks: number[] = [performance.now()];
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    const tick = (): void => {
      this.#ticks.push(performance.now());
      this.#timer = setTimeout(tick, 1);
    };
    tick();
  }

  /** Earliest possible delay, ms, of something due at this time: it had to wait for the loop's next turn. */
  delayAt(time: number): number {
    return (this.#ticks.find((tick) => tick >= time) ?? performance.now()) - time;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const t0 = 1_700_000_000_000;

test("a thousand entries a second keep their times within 5 ms in the median, and the last is no later than the others", async () => {
  const ats = Array.from({ length: 1_000 }, (_, i) => t0 + i);
  using loop = new LoopWatch();
  const startedAt = performance.now();
  const times = await timesOf(new Pace("original"), ats);
  const off = times.map((time, i) => Math.abs(time - i));
  const delays = ats.map((_, i) => loop.delayAt(startedAt + i));
  console.log(
    `median ${median(off).toFixed(2)} ms, most ${Math.max(...off).toFixed(2)} ms; loop ${median(delays).toFixed(2)} ms`,
  );
  // A drift of each entry would have added up by the last hundred.
  for (const from of [0, -100]) {
    const [ours, loops] = [median(off.slice(from)), median(delays.slice(from))];
    assert.ok(ours <= Math.max(5, 2 * loops), `median ${ours} ms, where the loop itself was ${loops} ms late`);
  }
});

test("no entry is due before its time", async () => {
  const ats = [0, 3, 3.5, 7.25, 20, 21].map((ms) => t0 + ms);
  const times = await timesOf(new Pace("original"), ats);
  times.forEach((time, i) => {
    const due = (ats[i] as number) - t0;
    assert.ok(time >= due, `entry ${i} went after ${time} ms, due after ${due}`);
  });
});

test("ten times as fast takes a tenth of the time, and max takes none", async () => {
  const ats = [0, 500, 1_000, 2_000].map((ms) => t0 + ms);
  const fast = (await timesOf(new Pace(10), ats)).at(-1) as number;
  assert.ok(fast >= 200 && fast < 2_000, `${fast} ms`);
  const flat = (await timesOf(new Pace("max"), [t0, t0 + 86_400_000])).at(-1) as number;
  assert.ok(flat < 10_000, `${flat} ms`);
});

test("entries that were due during a stall go at once, and the schedule does not move", async () => {
  const pace = new Pace("original");
  const before = performance.now();
  await pace.due(t0);
  const startedAt = performance.now(); // the schedule began between the two
  while (performance.now() - startedAt < 60); // a handler, a collection of garbage, a slow Redis
  assert.equal(
    [10, 20, 30, 40, 50].map((ms) => pace.waitMs(t0 + ms)),
    [0, 0, 0, 0, 0],
    "some that were overdue would wait",
  );
  assert.ok(pace.maxLateMs >= 50, `late by ${pace.maxLateMs} ms`);
  const askedAt = performance.now();
  const wait = pace.waitMs(t0 + 60_000);
  const answeredAt = performance.now();
  const [least, most] = [before + 60_000 - answeredAt, startedAt + 60_000 - askedAt];
  assert.ok(wait >= least && wait <= most, `the next one waits ${wait} ms, not ${least} to ${most}`);
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

test("an invalid speed is refused", () => {
  for (const speed of [0, -1, Number.NaN, "fast" as Speed]) {
    assert.throws(
      () => factorOf(speed),
      (error: unknown) => error instanceof ConfigError,
    );
  }
  assert.equal([factorOf("original"), factorOf(0.5), factorOf("max")], [1, 0.5, Number.POSITIVE_INFINITY]);
});
