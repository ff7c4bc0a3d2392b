/** The gateway's connections: who may open one and by which address, and how one ends. */

import { once } from "node:events";
import { request } from "node:http";
import { networkInterfaces } from "node:os";
import * as assert from "uvu/assert";
import { WebSocket } from "ws";
import type { GatewayBackbone } from "../../../producers/order-manager/gateway/session.ts";
import { startGateway } from "../../../producers/order-manager/index.ts";
import { ConfigError, StoreError } from "../../../src/index.ts";
import { silentLog } from "../../../src/ports/log.ts";
import { eventually } from "../../support/eventually.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { connectClient } from "./gateway-client.ts";
import { openDesk, order } from "./gateway-desk.ts";
import { connectRaw, handshake } from "./raw-client.ts";

test("ends a connection whose frame is too large", async () => {
  await using desk = await openDesk({ maxFrameBytes: 1_000 });
  await using client = await connectClient(desk.gateway.url, "ann");
  client.sendRaw("x".repeat(1_001));
  assert.is((await client.closed).code, 1009);
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

test("waits for Redis when it starts while Redis is away", async () => {
  await using desk = await openDesk();
  let refusals = 0;
  const { backbone } = desk;
  const away: GatewayBackbone = {
    publish: backbone.publish.bind(backbone),
    view: backbone.view.bind(backbone),
    read: ((...args: Parameters<typeof backbone.read>) => {
      if (refusals++ < 1) throw new StoreError("Redis at 127.0.0.1:1 does not answer: LOADING");
      return backbone.read(...args);
    }) as typeof backbone.read,
  };
  const gateway = await startGateway(away, { port: 0, log: silentLog });
  await using _gateway = gateway;
  assert.is(refusals, 3); // refused once, read, and followed
  await using _client = await connectClient(gateway.url, "ann");
});

test("can be told to end while it waits for Redis", async () => {
  const refused = (): never => {
    throw new StoreError("Redis at 127.0.0.1:1 does not answer: connect ECONNREFUSED");
  };
  const never: GatewayBackbone = { publish: refused, view: refused, read: refused };
  const ending = new AbortController();
  const starting = startGateway(never, { port: 0, log: silentLog, signal: ending.signal });
  ending.abort();
  await rejects(starting, Error, /aborted|does not answer/);
});
