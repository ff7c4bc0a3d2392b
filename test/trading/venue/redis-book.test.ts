/** The durable book: several senders share it, and it enters an order once. */

import * as assert from "uvu/assert";
import { openRedisBook, type VenueReport } from "../../../consumers/order-sender/index.ts";
import { startProxy } from "../../support/proxy.ts";
import { freshNamespace, redisUrl } from "../../support/redis.ts";
import { test } from "../../support/test.ts";

function filled(id: string, quantity: number): readonly VenueReport[] {
  return [{ kind: "filled", id, quantity, price: "577.5", at: 1 }];
}

test("gives every sender the reports that were entered first", async () => {
  const namespace = freshNamespace();
  await using one = openRedisBook(redisUrl(), namespace);
  await using other = openRedisBook(redisUrl(), namespace);
  const entered = await Promise.all(
    Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : other).enter("a", filled(`f-${n}`, 100))),
  );
  for (const reports of entered) assert.equal(reports, entered[0]);
  assert.equal(await other.totals(), {
    orders: 1,
    orderedQuantity: 100,
    filledQuantity: 100,
    rejectedQuantity: 0,
    fills: 1,
  });
});

test("keeps an order for a sender that comes after the one that sent it has died", async () => {
  const namespace = freshNamespace();
  const first = filled("f-1", 100);
  {
    await using book = openRedisBook(redisUrl(), namespace);
    await book.enter("a", first);
  }
  await using book = openRedisBook(redisUrl(), namespace);
  assert.equal(await book.enter("a", filled("f-2", 100)), first);
  const rejected: readonly VenueReport[] = [{ kind: "rejected", id: "r-1", quantity: 5, reason: "closed", at: 2 }];
  await book.enter("b", rejected);
  const { orders, filledQuantity, rejectedQuantity } = await book.totals();
  assert.equal([orders, filledQuantity, rejectedQuantity], [2, 100, 5]);
});

test("asks again over a new connection when the old one has fallen silent", async () => {
  await using proxy = await startProxy(redisUrl());
  await using book = openRedisBook(proxy.url, freshNamespace());
  await book.enter("a", filled("f-1", 100));
  proxy.blackHole();
  const entered = book.enter("b", filled("f-2", 50));
  proxy.heal(); // for new connections: the old one stays swallowed
  assert.equal(await entered, filled("f-2", 50));
  assert.is((await book.totals()).orders, 2);
});

test("starts empty in a namespace of its own", async () => {
  await using book = openRedisBook(redisUrl(), freshNamespace());
  assert.is((await book.totals()).orders, 0);
});
