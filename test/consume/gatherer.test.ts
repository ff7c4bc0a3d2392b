/** Batches close when they are full, when their first has waited long enough, or when an earlier one has ended. */

import * as assert from "uvu/assert";
import type { Delivery } from "../../src/consume/delivery.ts";
import { Gatherer } from "../../src/consume/gatherer.ts";
import { TestClock } from "../../src/testing/test-clock.ts";
import { test } from "../support/test.ts";

// The gatherer looks at nothing else of what it gathers.
const delivery = (entryId: string, turn = 1): Delivery => ({ entryId, turn }) as Delivery;

test("closes a full batch at once, and the rest when that has ended", () => {
  const batches: number[] = [];
  const gatherer = new Gatherer(new TestClock(0), 3, 60_000, (batch) => batches.push(batch.length));
  for (let i = 0; i < 5; i++) gatherer.add(delivery(`${i}-0`));
  assert.equal(batches, [3]);
  gatherer.finished();
  assert.equal(batches, [3, 2]);
  gatherer.finished();
  assert.equal(batches, [3, 2]);
});

test("closes what the first of it has waited for, and starts no second clock while a batch is under way", async () => {
  const clock = new TestClock(0);
  const batches: string[][] = [];
  const gatherer = new Gatherer(clock, 100, 5, (batch) => batches.push(batch.map(({ entryId }) => entryId)));
  gatherer.add(delivery("1-0"));
  await clock.advance(4);
  gatherer.add(delivery("2-0"));
  assert.equal(batches, []);
  await clock.advance(1);
  assert.equal(batches, [["1-0", "2-0"]]);
  gatherer.add(delivery("3-0"));
  await clock.advance(1_000);
  assert.equal(batches, [["1-0", "2-0"]]);
});

test("forgets what it has gathered, and its clock stops", async () => {
  const clock = new TestClock(0);
  const gatherer = new Gatherer(clock, 10, 5, () => {
    throw new Error("nothing may be handed on");
  });
  gatherer.add(delivery("1-0"));
  gatherer.clear();
  await clock.advance(1_000);
});

test("leaves out what was let go meanwhile: it comes again in its order", async () => {
  const clock = new TestClock(0);
  const batches: string[][] = [];
  const gatherer = new Gatherer(clock, 10, 5, (batch) => batches.push(batch.map(({ entryId }) => entryId)));
  const [one, other] = [delivery("1-0"), delivery("2-0")];
  gatherer.add(one);
  gatherer.add(other);
  one.turn++;
  await clock.advance(5);
  assert.equal(batches, [["2-0"]]);
});
