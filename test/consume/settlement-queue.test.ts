/** What travels together: few server calls where settlements would wait for each other, short ones where they need not. */

import * as assert from "uvu/assert";
import { SettlementQueue, type Taken } from "../../src/consume/settlement-queue.ts";
import type { Output } from "../../src/ports/settle.ts";
import { acked, output } from "../contract/behaviour.ts";
import { test } from "../support/test.ts";

const one = output("out", "e");

/** As many settlements, by turns on so many locks, with an output each or with none. */
function queueOf(
  count: number,
  locks: number,
  outputs: readonly Output[],
  sent: readonly string[] = [],
): SettlementQueue {
  const queue = new SettlementQueue((lock) => sent.includes(lock));
  for (let i = 0; i < count; i++) {
    const settlement = acked([`${i + 1}-0`], { locks: [`k${i % locks}`], outputs });
    const ends = { settled: () => undefined, lost: () => undefined };
    queue.push({ deliveries: [], settlement, size: 100, refusal: undefined, ...ends });
  }
  return queue;
}

function sizeOf({ submissions, hasMore }: Taken): readonly [count: number, hasMore: boolean] {
  return [submissions.length, hasMore];
}

test("what does not wait for others leaves in calls that keep the server for a short time", () => {
  const queue = queueOf(300, 300, [one]);
  assert.equal(
    [1, 2, 3].map(() => sizeOf(queue.take(0, 0))),
    [
      [128, true],
      [128, true],
      [44, false],
    ],
  );
  assert.is(queue.length, 0);
});

test("what would wait for the batch's answer travels with it", () => {
  const queue = queueOf(600, 5, [one]);
  assert.equal(sizeOf(queue.take(0, 0)), [512, false]);
  assert.is(queue.length, 88);
});

test("beyond the first ones only what is behind them travels with them, in the order of each lock", () => {
  const queue = queueOf(600, 200, [one]);
  const { submissions, hasMore } = queue.take(0, 0);
  const locks = submissions.map(({ settlement }) => settlement.locks[0] as string);
  assert.equal(
    locks.slice(0, 128),
    Array.from({ length: 128 }, (_, i) => `k${i}`),
  );
  assert.is(submissions.length, 3 * 128);
  assert.is(new Set(locks).size, 128);
  assert.is(hasMore, true);
});

test("acknowledgements fill the batch, and nothing passes what is unanswered", () => {
  assert.equal(sizeOf(queueOf(600, 600, []).take(0, 0)), [512, true]);
  assert.equal(sizeOf(queueOf(600, 5, [one], ["k0", "k1", "k2", "k3", "k4"]).take(0, 0)), [0, false]);
  assert.equal(sizeOf(queueOf(10, 5, [one], ["k0"]).take(0, 0)), [8, false]);
});
