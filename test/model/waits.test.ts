/** Waits that end by a time or by an abort. */

import * as assert from "uvu/assert";
import { endsWithin, whenAborted } from "../../src/model/waits.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

test("work that ends in time is told from work that does not", async () => {
  assert.is(await endsWithin(60_000, Promise.resolve()), true);
  assert.is(await endsWithin(1, new Promise(() => undefined)), false);
});

test("work that fails in time fails the wait, and work that fails later disturbs nobody", async () => {
  await rejects(endsWithin(60_000, Promise.reject(new Error("broken"))), Error, /broken/);
  const { promise, reject } = Promise.withResolvers<void>();
  assert.is(await endsWithin(1, promise), false);
  reject(new Error("too late"));
  await new Promise((resolve) => setImmediate(resolve));
});

test("an abort is awaited, and one that was before is there at once", async () => {
  const stop = new AbortController();
  const aborted = whenAborted(stop.signal);
  stop.abort();
  await aborted;
  await whenAborted(stop.signal);
});
