/** The sample is what its script makes, and is worth running: several symbols and users, some to net, some to slice. */

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { type ClientOrder, readOrders } from "../../../trading/domain/index.ts";
import { test } from "../../support/test.ts";

const sample = "trading/domain/sample/orders.ndjson";

test("its script makes the same file again, byte for byte", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["trading/domain/sample/generate.ts"], {
    maxBuffer: 8e6,
  });
  assert.ok(stdout === (await readFile(sample, "utf8")), "generate.ts writes something other than orders.ndjson");
});

test("has a few thousand orders with ids of their own, of several symbols and users", async () => {
  const orders: ClientOrder[] = [];
  for await (const line of readOrders(sample)) {
    if ("skipped" in line) throw new Error(`line ${line.line}: ${line.skipped}`);
    if ("order" in line) orders.push(line.order);
  }
  assert.ok(orders.length >= 2_000 && orders.length <= 3_000);
  assert.is(new Set(orders.map((order) => order.id)).size, orders.length);
  assert.ok(new Set(orders.map((order) => order.symbol)).size >= 4);
  assert.ok(new Set(orders.map((order) => order.userId)).size >= 20);
  const nettable = orders.filter((order, n) => {
    const next = orders[n + 1];
    return next?.symbol === order.symbol && next.side === order.side && next.price === order.price;
  });
  assert.ok(nettable.length > 500, `${nettable.length} stand beside one that they net with`);
  assert.ok(orders.some((order) => order.quantity > 1_000));
});
