/** The gateway answers every frame, delivers executions to whoever is connected, and loses nothing of whoever is not. */

import { once } from "node:events";
import { request } from "node:http";
import { networkInterfaces } from "node:os";
import * as assert from "uvu/assert";
import { WebSocket } from "ws";
import { createAlgorithm } from "../../../consumers/algorithm/index.ts";
import {
  createOrderManager,
  type Gateway,
  type GatewayOptions,
  startGateway,
} from "../../../producers/order-manager/index.ts";
import { type Backbone, ConfigError, connectBackbone } from "../../../src/index.ts";
import { silentLog } from "../../../src/ports/log.ts";
import { clientOrders, executions } from "../../../trading/domain/index.ts";
import type { MarketOptions } from "../../../trading/venue/market.ts";
import { eventually } from "../../support/eventually.ts";
import { freshNamespace, redisUrl } from "../../support/redis.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { openVenue, senderFor, type TestVenue } from "../../trading/venue/test-venue.ts";
import { connectClient } from "./gateway-client.ts";
import { connectRaw, handshake } from "./raw-client.ts";

interface Desk extends AsyncDisposable {
  readonly backbone: Backbone;
  readonly gateway: Gateway;
  readonly venue: TestVenue;
  /** Starts the three components; without them orders are accepted and stay open. */
  trade(): Promise<void>;
  /** A second gateway, as another process has. */
  another(): Promise<Gateway>;
}

async function openDesk(options: Partial<GatewayOptions> = {}, market: MarketOptions = {}): Promise<Desk> {
  const stack = new AsyncDisposableStack();
  const backbone = stack.use(await connectBackbone({ url: redisUrl(), namespace: freshNamespace(), log: silentLog }));
  const open = async (): Promise<Gateway> =>
    stack.use(await startGateway(backbone, { port: 0, log: silentLog, ...options }));
  const venue = stack.use(await openVenue({ latencyMs: 0, ...market }));
  return {
    backbone,
    venue,
    gateway: await open(),
    another: open,
    trade: async () => {
      for (const component of [createOrderManager(backbone), createAlgorithm(backbone), senderFor(backbone, [venue])]) {
        const running = component.run();
        stack.defer(async () => {
          await component.drain();
          await running;
        });
        await component.ready();
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const order = { id: "a-1", symbol: "AAPL", side: "buy", price: "577.50", quantity: 250 };

async function ordersIn(backbone: Backbone): Promise<number> {
  let count = 0;
  for await (const _ of backbone.read(clientOrders)) count++;
  return count;
}

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

test("ends a connection whose frame is too large", async () => {
  await using desk = await openDesk({ maxFrameBytes: 1_000 });
  await using client = await connectClient(desk.gateway.url, "ann");
  client.sendRaw("x".repeat(1_001));
  assert.is((await client.closed).code, 1009);
});

test("answers every order of a burst that exceeds its concurrency", async () => {
  await using desk = await openDesk({ maxInFlight: 4 });
  await using client = await connectClient(desk.gateway.url, "ann");
  for (let n = 0; n < 300; n++) client.send({ type: "order", order: { ...order, id: `a-${n}` } });
  await eventually(() => client.replies.length === 300);
  assert.ok(client.replies.every((reply) => reply.type === "accepted"));
  assert.is(await ordersIn(desk.backbone), 300);
});

test("cuts a client that answers no ping, and keeps one that does", async () => {
  await using desk = await openDesk({ heartbeatMs: 50 });
  await using alive = await connectClient(desk.gateway.url, "ann");
  await using dead = await connectClient(desk.gateway.url, "ann", { autoPong: false });
  assert.is((await dead.closed).code, 1006);
  alive.send({ type: "order", order });
  await alive.next("accepted");
});

test("refuses connections without a user, from foreign pages, beyond its limit, and plain requests", async () => {
  await using desk = await openDesk({ maxConnections: 1 });
  const { url } = desk.gateway;
  const refusal = async (path: string, headers: Record<string, string> = {}): Promise<string> => {
    const [error] = await once(new WebSocket(`${url}${path}`, { headers }), "error");
    return (error as Error).message;
  };
  assert.match(await refusal("/"), "400");
  assert.match(await refusal("/?user=a%20b"), "400");
  assert.match(await refusal("/?user=ann&user=ann"), "400");
  assert.match(await refusal("/?user=ann&%75ser=bob"), "400");
  assert.match(await refusal("/?user=ann", { origin: "https://elsewhere.example" }), "403");
  await using _client = await connectClient(url, "ann");
  assert.match(await refusal("/?user=bob"), "503");
  const [response] = await once(request(url.replace("ws:", "http:")).end(), "response");
  assert.is(response.statusCode, 426);
  response.resume();
});

test("accepts the addresses that it listens on and the allowed hosts, and no others", async () => {
  await using desk = await openDesk({ allowedHosts: ["desk.example", "fd00::1"] });
  const { port } = new URL(desk.gateway.url);
  const answer = async (host: string | undefined, origin?: string): Promise<number> => {
    const { socket, heard, closed } = await connectRaw(Number(port));
    socket.write(handshake(Number(port), "/?user=ann", { Host: host, Origin: origin }));
    await eventually(() => heard().includes("\r\n\r\n"));
    socket.destroy();
    await closed;
    return Number(heard().slice(9, 12));
  };
  for (const host of ["127.0.0.1", "localhost", "LOCALHOST", "desk.example", "[fd00::1]", "[FD00:0::1]"]) {
    assert.is(await answer(`${host}:${port}`), 101, host);
    assert.is(await answer(host), 101, host);
  }
  assert.is(await answer(`localhost:${port}`, `http://localhost:${port}`), 101);
  assert.is(await answer("desk.example", "https://desk.example"), 101);
  assert.is(await answer("desk.example", "https://evil.example"), 403);
  assert.is(await answer("desk.example", "null"), 403);
  // The page's name resolves to our address.
  assert.is(await answer(`evil.example:${port}`, `http://evil.example:${port}`), 421);
  const foreign = [
    "evil.example",
    "127.0.0.1.evil.example",
    "desk.example.evil.example",
    "x@127.0.0.1",
    "127.0.0.1/",
    "",
  ];
  for (const host of [...foreign, "127.0.0.2", "[::1]", "localhost.", `127.0.0.1\r\nHost: evil.example`, undefined]) {
    assert.is(await answer(host), 421, host ?? "none");
  }
});

test("accepts each address of the machine when it listens on all of them", async () => {
  await using desk = await openDesk({ host: "0.0.0.0" });
  const port = new URL(desk.gateway.url).port;
  const own = Object.values(networkInterfaces())
    .flatMap((ones) => ones ?? [])
    .filter(({ family }) => family === "IPv4");
  for (const { address } of own) {
    await using client = await connectClient(`ws://${address}:${port}`, "ann");
    client.send({ type: "status", orderId: "none" });
    await client.next("state");
  }
  const [error] = await once(
    new WebSocket(`ws://127.0.0.1:${port}/?user=ann`, { headers: { host: "203.0.113.7" } }),
    "error",
  );
  assert.match((error as Error).message, "421");
});

test("names the allowed host that is invalid", async () => {
  await using desk = await openDesk();
  for (const host of ["desk.example:80", "http://desk.example", "*", ""]) {
    const options = { port: 0, allowedHosts: [host], log: silentLog };
    await rejects(startGateway(desk.backbone, options), ConfigError, /is no host: give a name or an address/);
  }
});

test("takes a client again when another has left", async () => {
  await using desk = await openDesk({ maxConnections: 1 });
  for (let n = 0; n < 3; n++) {
    await using client = await eventually(() => connectClient(desk.gateway.url, "ann"));
    client.send({ type: "order", order });
    await client.next("accepted");
  }
});

test("answers pending requests before it shuts down", async () => {
  await using desk = await openDesk();
  await using client = await connectClient(desk.gateway.url, "ann");
  client.send({ type: "order", order });
  client.send({ type: "status", orderId: "none" });
  await client.next("state");
  await desk.gateway[Symbol.asyncDispose]();
  const { code, reason } = await client.closed;
  assert.is(code, 1001);
  assert.match(reason, "ask for your orders' state");
  assert.is(client.replies.length, 2);
  await rejects(connectClient(desk.gateway.url, "ann"), Error, /ECONNREFUSED/);
});

test("says which address it cannot listen on", async () => {
  await using desk = await openDesk();
  const port = Number(new URL(desk.gateway.url).port);
  await rejects(
    startGateway(desk.backbone, { port, log: silentLog }),
    ConfigError,
    new RegExp(`127.0.0.1:${port}.*EADDRINUSE`),
  );
});
