/** Files of orders are placed whole, each order once, whatever happens on the way. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type FileIntakeOptions, placeFile } from "../../../producers/order-manager/index.ts";
import { type Backbone, PublishError } from "../../../src/index.ts";
import { type ClientOrder, clientOrders } from "../../../trading/domain/index.ts";
import { open } from "../../support/backbone.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { order } from "../../trading/orders-of.ts";

interface Placed {
  readonly result: Awaited<ReturnType<typeof placeFile>>;
  readonly skipped: readonly (readonly [number, string])[];
}

async function place(
  backbone: Pick<Backbone, "publish" | "read">,
  orders: readonly (ClientOrder | string)[],
  options: FileIntakeOptions = {},
): Promise<Placed> {
  const directory = await mkdtemp(join(tmpdir(), "intake-"));
  const skipped: [number, string][] = [];
  try {
    const path = join(directory, "orders.ndjson");
    await writeFile(path, orders.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("\n"));
    const result = await placeFile(backbone, path, {
      onSkipped: (line, reason) => skipped.push([line, reason]),
      ...options,
    });
    return { result, skipped };
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("places all orders in the order of the file, with their baggage, and reports the lines that are no orders", async () => {
  await using opened = await open();
  const orders = Array.from({ length: 600 }, (_, n) => order({ id: `c-${n}`, quantity: n + 1 }));
  const { result, skipped } = await place(opened.backbone, [...orders.slice(0, 300), "nonsense", ...orders.slice(300)]);
  assert.equal(result, { placed: 600, placedQuantity: (600 * 601) / 2, cancels: 0, skipped: 1 });
  assert.equal(skipped, [[301, "the line is no JSON"]]);
  const entries = await opened.entries(clientOrders);
  assert.equal(
    entries.map(({ payload }) => payload),
    orders,
  );
  assert.match(entries[7]?.fields["baggage"] ?? "", /user\.id=ann/);
  assert.match(entries[7]?.fields["baggage"] ?? "", /client\.order_id=c-7/);
});

test("places nothing twice when the same file is placed again", async () => {
  await using opened = await open();
  const orders = Array.from({ length: 50 }, (_, n) => order({ id: `c-${n}` }));
  await place(opened.backbone, orders.slice(0, 30));
  await place(opened.backbone, [...orders, ...orders]);
  assert.is((await opened.entries(clientOrders)).length, 50);
});

test("skips a line that gives a known order id other terms, and names the terms of the known order", async () => {
  await using opened = await open();
  await place(opened.backbone, [order({ id: "c-1", quantity: 100 })]);
  const { result, skipped } = await place(opened.backbone, [
    order({ id: "c-1", quantity: 200 }),
    order({ id: "c-2", price: "5.10" }),
    order({ id: "c-2", price: "5.1" }),
    order({ id: "c-2", price: "5.2" }),
    order({ id: "c-1", userId: "bob" }),
  ]);
  assert.equal([result.placed, result.skipped], [3, 2]);
  assert.equal(
    skipped.map(([line]) => line),
    [1, 4],
  );
  assert.match(skipped[0]?.[1] ?? "", /^id "c-1" is another order of ann: buy 100 \w+ at [\d.]+, limit$/);
  assert.match(skipped[1]?.[1] ?? "", /^id "c-2" is another order of ann: buy \d+ \w+ at 5\.10, limit$/);
  assert.is((await opened.entries(clientOrders)).length, 3);
});

test("places an order again until it is confirmed", async () => {
  await using opened = await open();
  let refusals = 0;
  const publish: Backbone["publish"] = async (channel, payload, options) => {
    const ref = await opened.backbone.publish(channel, payload, options);
    if (refusals++ === 0) throw new PublishError("unknown", "the reply was lost");
    return ref;
  };
  let retries = 0;
  const { result } = await place({ publish, read: opened.backbone.read }, [order()], {
    onRetry: () => retries++,
  });
  assert.equal([result.placed, retries], [1, 1]);
  assert.is((await opened.entries(clientOrders)).length, 1);
});

test("stops when it is told to", async () => {
  const stopping = new AbortController();
  const publish = (): Promise<never> => Promise.reject(new PublishError("rejected", "Redis is away"));
  const read = (): never => {
    throw new Error("nothing was placed that could be read");
  };
  const placing = place({ publish, read }, [order()], { signal: stopping.signal, onRetry: () => stopping.abort() });
  assert.is((await rejects(placing, Error)).name, "AbortError");
});
