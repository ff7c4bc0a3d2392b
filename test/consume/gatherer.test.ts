/** Batches close when they are full, when their first has waited long enough, or when an earlier one has ended. */

import * as assert from "uvu/assert";
import type { Delivery } from "../../src/consume/delivery.ts";
import { Gatherer } from "../../src/consume/gatherer.ts";
import { test } from "../support/test.ts";

// The gatherer does not look into what it gathers.
const delivery = (entryId: string): Delivery => ({ entryId }) as Delivery;

test("closes a full batch at once, and the rest when that has ended", () => {
  const batches: number[] = [];
  const gatherer = new Gatherer(3, 60_000, (batch) => batches.push(batch.length));
  for (let i = 0; i < 5; i++) gatherer.add(delivery(`${i}-0`));
  assert.equal(batches, [3]);
  gatherer.finished();
  assert.equal(batches, [3, 2]);
  gatherer.finished();
  assert.equal(batches, [3, 2]);
});

test("closes what the first of it has waited for, and starts no second clock while a batch is under way", async () => {
  const closed = Promise.withResolvers<number>();
  const gatherer = new Gatherer(100, 5, (batch) => closed.resolve(batch.length));
  gatherer.add(delivery("1-0"));
  gatherer.add(delivery("2-0"));
  assert.is(await closed.promise, 2);
  gatherer.add(delivery("3-0"));
  assert.equal(
    gatherer.clear().map(({ entryId }) => entryId),
    ["3-0"],
  );
});

test("gives out what it has gathered, and its clock stops", () => {
  const gatherer = new Gatherer(10, 60_000, () => {
    throw new Error("nothing may be handed on");
  });
  gatherer.add(delivery("1-0"));
  assert.is(gatherer.clear().length, 1);
  assert.is(gatherer.clear().length, 0);
});
