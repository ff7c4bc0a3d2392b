/** Commands of one turn leave in one write. */

import { createServer, type Socket } from "node:net";
import * as assert from "uvu/assert";
import { QuietRedis } from "../../../src/redis/client/quiet-redis.ts";
import { test } from "../../support/test.ts";

test("commands of one turn leave in one write, those of another one in another", async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (data) => socket.write("+PONG\r\n".repeat(String(data).match(/ping/gi)?.length ?? 0)));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  const client = new QuietRedis(port, "127.0.0.1", {
    ...{ protocol: 2, lazyConnect: true, enableReadyCheck: false, disableClientInfo: true },
  });
  await client.connect();
  const { stream } = client;
  const writes: number[] = [];
  const write = stream._write.bind(stream);
  const writeAll = stream._writev?.bind(stream);
  stream._write = (...args) => {
    writes.push(1);
    write(...args);
  };
  stream._writev = (chunks, done) => {
    writes.push(chunks.length);
    writeAll?.(chunks, done);
  };
  // In three ticks, as those who wait for each other's replies do.
  const pings = [client.ping()];
  await Promise.resolve();
  pings.push(client.ping());
  await Promise.resolve();
  pings.push(client.ping());
  assert.equal(await Promise.all(pings), ["PONG", "PONG", "PONG"]);
  assert.is(await client.ping(), "PONG");
  assert.equal(writes, [3, 1]);
  client.disconnect();
  for (const socket of sockets) socket.destroy();
  await new Promise((done) => server.close(done));
});
