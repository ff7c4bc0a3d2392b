/** Requests and endings of hostile clients at the Order Manager's two ports: its process lives, serves the others and drains. */

import * as assert from "uvu/assert";
import { eventually } from "../../support/eventually.ts";
import { test } from "../../support/test.ts";
import { drain, startDesk } from "./desk.ts";
import { connectRaw, handshake, type RawClient } from "./raw-client.ts";

test("survives clients that are refused and reset their connection", async () => {
  await using desk = await startDesk();
  const { gatewayPort: port } = desk;
  for (let n = 0; n < 60; n++) {
    const { socket, closed } = await connectRaw(port);
    socket.write(n % 2 === 0 ? handshake(port, "/?user=a%20b") : handshake(port, "/?user=ann", { Origin: "http://x" }));
    if (n % 3 === 0) await new Promise(setImmediate);
    socket.resetAndDestroy();
    await closed;
  }
  await desk.serves();
  await drain(desk.process);
});

test("survives a request for health whose target is no URL", async () => {
  await using desk = await startDesk();
  const { socket, heard, closed } = await connectRaw(desk.healthPort);
  socket.write("GET // HTTP/1.1\r\nHost: x\r\n\r\n");
  await closed;
  assert.match(heard(), /^HTTP\/1.1 404 /);
  await desk.serves();
  await drain(desk.process);
});

for (const door of ["gatewayPort", "healthPort"] as const) {
  test(`keeps few of many idle connections to the ${door}, and none for long, and serves others meanwhile`, async () => {
    await using desk = await startDesk();
    let closed = 0;
    const clients: RawClient[] = [];
    for (let n = 0; n < 1_300; n++) {
      const client = await connectRaw(desk[door]);
      void client.closed.then(() => closed++);
      if (n % 2 === 0) client.socket.write("GET / HTTP/1.1\r\nX-Slow: ");
      clients.push(client);
    }
    try {
      await eventually(() => closed >= 1_200);
      await desk.serves();
      await eventually(() => closed === 1_300);
    } finally {
      for (const { socket } of clients) socket.destroy();
    }
    await drain(desk.process);
  });
}

test("drains although clients are in the middle of a request, or leave a refusal half-closed", async () => {
  await using desk = await startDesk();
  const clients = [
    await connectRaw(desk.gatewayPort),
    await connectRaw(desk.gatewayPort),
    await connectRaw(desk.gatewayPort),
  ];
  const [, slow, refused] = clients;
  slow?.socket.write("GET /?user=ann HTTP/1.1\r\nHost:");
  refused?.socket.removeAllListeners("end").write(handshake(desk.gatewayPort, "/"));
  await eventually(() => refused?.heard().startsWith("HTTP/1.1 400"));
  const begun = performance.now();
  await drain(desk.process);
  const took = performance.now() - begun;
  assert.ok(took < 4_000, `draining took ${took} ms`);
  for (const { socket } of clients) socket.destroy();
});
