/** The gateway answers every frame, delivers executions to whoever is connected, and loses nothing of whoever is not. */

import * as assert from "uvu/assert";
import { executions } from "../../../trading/domain/index.ts";
import { eventually } from "../../support/eventually.ts";
import { test } from "../../support/test.ts";
import { connectClient } from "./gateway-client.ts";
import { openDesk, order, ordersIn } from "./gateway-desk.ts";

test("accepts an order, sends its executions as they happen, and tells its state", async () => {
  await using desk = await openDesk();
  await desk.trade();
  await using client = await connectClient(desk.gateway.url, "ann");
  client.send({ type: "order", order });
  assert.is((await client.next("accepted")).orderId, "a-1");
  let executed = 0;
  while (executed < 250) executed += (await client.next("execution", (one) => one.kind === "filled")).quantity ?? 0;
  assert.is(executed, 250);

  const state = await eventually(async () => {
    client.send({ type: "status", orderId: "a-1" });
    const reply = await client.next("state");
    return reply.known && reply.open === 0 ? reply : undefined;
  });
  const { ordered, rejected, averagePrice, price } = state;
  assert.equal([ordered, state.executed, rejected, averagePrice, price], [250, 250, 0, "577.5", "577.50"]);
  assert.is(
    state.executions.reduce((sum, one) => sum + (one.quantity ?? 0), 0),
    250,
  );
});

test("sends an order that the exchange rejects as an execution with its reason", async () => {
  await using desk = await openDesk({}, { rejectRate: 1, latencyMs: 10 });
  await desk.trade();
  await using client = await connectClient(desk.gateway.url, "ann");
  client.send({ type: "order", order });
  const rejected = await client.next("execution", (one) => one.kind === "rejected");
  assert.ok((rejected.reason ?? "").length > 0);
});

test("cancels what is open of an order, down to the venue's book, and tells it to the client", async () => {
  await using desk = await openDesk({}, { latencyMs: 86_400_000 });
  await desk.trade();
  await using client = await connectClient(desk.gateway.url, "ann");
  client.send({ type: "order", order });
  await client.next("accepted");
  await eventually(() => desk.venue.venue.totals().open === 250);
  client.send({ type: "cancel", cancel: { id: "c-1", orderId: "a-1" } });
  const cancelling = await client.next("cancelling");
  assert.equal([cancelling.orderId, cancelling.cancelId], ["a-1", "c-1"]);
  const cancelled = await client.next("execution", (one) => one.kind === "cancelled");
  assert.equal([cancelled.orderId, cancelled.quantity, cancelled.reason], ["a-1", 250, "as asked"]);
  assert.equal([desk.venue.venue.totals().open, desk.venue.venue.totals().cancelled], [0, 250]);
  await eventually(async () => {
    client.send({ type: "status", orderId: "a-1" });
    const state = await client.next("state");
    return state.known && state.cancelled === 250 && state.open === 0;
  });
});

test("rejects clearly a cancel of an order that is unknown, foreign or done, and takes one again as the same", async () => {
  await using desk = await openDesk();
  await using client = await connectClient(desk.gateway.url, "ann");
  await using bob = await connectClient(desk.gateway.url, "bob");
  for (const id of ["a-1", "a-2"]) {
    client.send({ type: "order", order: { ...order, id } });
    await client.next("accepted");
  }
  const ask = (who: typeof client, id: string, orderId: string): void =>
    who.send({ type: "cancel", cancel: { id, orderId } });
  ask(client, "c-1", "nowhere");
  const unknown = await client.next("rejected");
  assert.equal([unknown.orderId, unknown.cancelId, unknown.issues[0]?.path], ["nowhere", "c-1", "orderId"]);
  ask(bob, "c-1", "a-1");
  assert.match((await bob.next("rejected")).issues[0]?.reason ?? "", /no order of yours/);
  ask(client, "c-2", "a-1");
  assert.is((await client.next("cancelling")).duplicate, undefined);
  ask(client, "c-2", "a-1");
  assert.is((await client.next("cancelling")).duplicate, true);
  ask(client, "c-2", "a-2");
  assert.match((await client.next("rejected")).issues[0]?.reason ?? "", /cancel of another order/);
  await desk.trade();
  await eventually(async () => {
    client.send({ type: "status", orderId: "a-1" });
    const state = await client.next("state");
    return state.known && state.open === 0;
  });
  ask(client, "c-3", "a-1");
  assert.match((await client.next("rejected")).issues[0]?.reason ?? "", /is done/);
  client.send({ type: "cancel", cancel: { id: "", orderId: "a-1" } });
  assert.match((await client.next("error")).reason, /must be a cancel id/);
});

test("takes the same order twice as one order, over any gateway, and says so", async () => {
  await using desk = await openDesk();
  await using client = await connectClient(desk.gateway.url, "ann");
  await using elsewhere = await connectClient((await desk.another()).url, "ann");
  await using bob = await connectClient(desk.gateway.url, "bob");
  client.send({ type: "order", order });
  assert.is((await client.next("accepted")).duplicate, undefined);
  elsewhere.send({ type: "order", order: { ...order, price: "577.5" } });
  assert.is((await elsewhere.next("accepted")).duplicate, true);
  elsewhere.send({ type: "order", order: { ...order, quantity: 251 } });
  const { orderId, issues } = await elsewhere.next("rejected");
  assert.equal([orderId, issues[0]?.path], ["a-1", "id"]);
  bob.send({ type: "order", order });
  assert.is((await bob.next("accepted")).duplicate, undefined);
  assert.is(await ordersIn(desk.backbone), 2);
});

test("keeps the state of an order for a client that went away and comes back to another gateway", async () => {
  await using desk = await openDesk();
  {
    await using client = await connectClient(desk.gateway.url, "ann");
    client.send({ type: "order", order });
    await client.next("accepted");
  }
  await desk.trade();
  await using client = await connectClient((await desk.another()).url, "ann");
  await eventually(async () => {
    client.send({ type: "status", orderId: "a-1" });
    const state = await client.next("state");
    return state.known && state.executed === 250;
  });
  client.send({ type: "status", orderId: "a-2" });
  assert.equal(await client.next("state", (one) => one.orderId === "a-2"), {
    type: "state",
    orderId: "a-2",
    known: false,
  });
});

test("shows executions only to the user that owns them", async () => {
  await using desk = await openDesk();
  await using ann = await connectClient(desk.gateway.url, "ann");
  await using bob = await connectClient(desk.gateway.url, "bob");
  const common = { exchangeOrderId: "xo", fillId: "f", quantity: 1, timestamp: 1, kind: "filled", price: "1" } as const;
  await desk.backbone.publish(executions, { ...common, id: "f/0", userId: "ann", clientOrderId: "a-1" });
  await desk.backbone.publish(executions, { ...common, id: "f/1", userId: "bob", clientOrderId: "a-1" });
  await desk.backbone.publish(executions, { ...common, id: "f/2", userId: "ann", clientOrderId: "a-2" });
  await ann.next("execution", (one) => one.executionId === "f/2");
  await bob.next("execution");
  assert.equal([ann.replies.length, bob.replies.length], [2, 1]);
});

test("answers an order that is not valid with every issue, and places nothing", async () => {
  await using desk = await openDesk();
  await using client = await connectClient(desk.gateway.url, "ann");
  client.send({ type: "order", order: { ...order, price: 577.5, quantity: 0 } });
  const { orderId, issues } = await client.next("rejected");
  assert.is(orderId, "a-1");
  assert.equal(
    issues.map((issue) => issue.path),
    ["price", "quantity"],
  );
  client.send({ type: "order", order: { ...order, userId: "bob" } });
  assert.is((await client.next("rejected")).issues[0]?.path, "userId");
  client.send({ type: "order", order: "buy!" });
  assert.is((await client.next("rejected")).orderId, undefined);
  assert.is(await ordersIn(desk.backbone), 0);
});

test("answers a frame that is no request with the reason, and the connection stays", async () => {
  await using desk = await openDesk();
  await using client = await connectClient(desk.gateway.url, "ann");
  const reasons: readonly (readonly [string | Buffer, RegExp])[] = [
    ["{", /^the frame is no JSON$/],
    ["[]", /must be a JSON object/],
    ["null", /must be a JSON object/],
    ['{"type":"what"}', /type must be "order", "cancel" or "status"/],
    ['{"type":"cancel"}', /^cancel must be an object$/],
    ['{"type":"status"}', /^orderId must be an order id/],
    ['{"type":"status","orderId":""}', /^orderId must be an order id/],
    ['{"type":"order"}', /^order is missing$/],
    ['{"type":"order","order":{},"x":1,"y":2}', /^must have no other field: "x", "y"$/],
    [Buffer.from('{"type":"order"}'), /binary/],
  ];
  for (const [frame, reason] of reasons) {
    client.sendRaw(frame);
    assert.match((await client.next("error")).reason, reason);
  }
  client.send({ type: "order", order });
  await client.next("accepted");
});

test("answers every order of a burst that exceeds its concurrency", async () => {
  await using desk = await openDesk({ maxInFlight: 4 });
  await using client = await connectClient(desk.gateway.url, "ann");
  for (let n = 0; n < 300; n++) client.send({ type: "order", order: { ...order, id: `a-${n}` } });
  await eventually(() => client.replies.length === 300);
  assert.ok(client.replies.every((reply) => reply.type === "accepted"));
  assert.is(await ordersIn(desk.backbone), 300);
});
