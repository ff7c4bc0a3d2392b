/** What is published together is sent together, and waits no longer than a publish may. */

import * as assert from "uvu/assert";
import type { Appender, NewEntry } from "../../src/ports/append.ts";
import { Batcher, type Group } from "../../src/publish/batcher.ts";
import { test } from "../support/test.ts";

const publishTimeoutMs = 200;

function groupOf(): Group {
  return { count: 1, entries: [{} as NewEntry], size: 1, atomic: false, expiresAt: 0, done() {}, failed() {} };
}

test("each batch of a tick that lasts longer than a publish may wait has time of its own", async () => {
  const deadlines: number[] = [];
  const appender: Appender = {
    async append(_partition, entries, _atomic, deadlineMs) {
      deadlines.push(deadlineMs);
      return entries.map(() => ({ entryId: "1-0", isRepeat: false }));
    },
    async close() {},
  };
  const batcher = new Batcher(appender, 0, { maxPending: 10_000, maxPendingBytes: 10_000, publishTimeoutMs });
  const { now } = performance;
  let ms = 1_000;
  performance.now = () => ms;
  try {
    for (let i = 0; i < 1_500; i++) {
      batcher.add(groupOf());
      ms += 0.3; // 450 in all
    }
    await batcher.flushed();
  } finally {
    performance.now = now;
  }
  assert.is(deadlines.length, 12);
  // Eight batches leave as they are full; the others wait for the end of the tick, the first of them since 307 of its 450 ms.
  assert.ok(Math.min(...deadlines) > publishTimeoutMs - 150, String(deadlines));
});

test("what is published in one turn of the event loop, in tick after tick, is one batch", async () => {
  const batches: number[] = [];
  const appender: Appender = {
    async append(_partition, entries) {
      batches.push(entries.length);
      return entries.map(() => ({ entryId: "1-0", isRepeat: false }));
    },
    async close() {},
  };
  const batcher = new Batcher(appender, 0, { maxPending: 100, maxPendingBytes: 100, publishTimeoutMs });
  for (let tick = 0; tick < 3; tick++) {
    batcher.add(groupOf());
    await new Promise<void>((done) => process.nextTick(done));
  }
  await batcher.flushed();
  assert.equal(batches, [3]);
});
