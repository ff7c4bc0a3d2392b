/** How nodes name each other: by address, by host name, or not at all, as behind a proxy; and nodes that are away, or wrong. */

import { createServer } from "node:net";
import * as assert from "uvu/assert";
import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { ClusterMap } from "../../src/redis/client/cluster-map.ts";
import { ClusterAdmin } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const loopback = "127.0.0.1";

test("a slot's node is found however the nodes are named, and whichever of the known ones are away", async () => {
  await using cluster = await startPrivateCluster({ replicas: 0 });
  using admin = new ClusterAdmin();
  const ports = cluster.nodes.map(({ port }) => port);
  const onEach = (...args: string[]): Promise<unknown> =>
    Promise.all(ports.map((port) => admin.client({ port }).call("CONFIG", "SET", ...args)));
  const found = async (given: readonly number[]): Promise<readonly string[]> => {
    const map = new ClusterMap(given.map((port) => ({ host: loopback, port })));
    return Promise.all([0, 8_000, 16_383].map(async (slot) => Object.values(await map.nodeOf(slot)).join(":")));
  };
  const at = (host: string): readonly string[] => ports.map((port) => `${host}:${port}`);
  // The first ports have the first slots.
  assert.equal(await found(ports), at(loopback));
  await onEach("cluster-preferred-endpoint-type", "unknown-endpoint");
  assert.equal(await found(ports.slice(1, 2)), at(loopback), "nodes that name no host are where the asked one is");
  await onEach("cluster-announce-hostname", "localhost");
  await onEach("cluster-preferred-endpoint-type", "hostname");
  // Names go from node to node; one that has not heard a name yet says so.
  const named = (): Promise<boolean> =>
    found(ports.slice(2)).then(
      (places) => places.join() === at("localhost").join(),
      () => false,
    );
  await eventually(named, 20_000);

  const closed = createServer().listen(0, loopback);
  await new Promise((listening) => closed.once("listening", listening));
  const { port: away } = closed.address() as { port: number };
  await new Promise((ended) => closed.close(ended));
  for (let i = 0; i < 10; i++) assert.equal(await found([away, ports[2] as number]), at("localhost"));
  await rejects(found([away]), Error, /ECONNREFUSED/);
});

test("a node that is in no cluster yet is passed over, and said where it is the only one", async () => {
  await using cluster = await startPrivateCluster({ replicas: 0 });
  await using apart = await startPrivateCluster({ primaries: 1, replicas: 0, isApart: true });
  const [alone, port] = [apart.nodes[0]?.port as number, cluster.nodes[0]?.port as number];
  const map = (...ports: readonly number[]): ClusterMap =>
    new ClusterMap(ports.map((one) => ({ host: loopback, port: one })));
  for (let i = 0; i < 10; i++) assert.is((await map(alone, port).nodeOf(0)).port, port);
  await rejects(map(alone).nodeOf(0), Error, /knows of no slots: it is in no cluster yet/);
});

test("a node that says what is no map, or nothing at all, is not waited for: the next one is asked", async () => {
  await using cluster = await startPrivateCluster({ replicas: 0 });
  const greeting = "*6\r\n+server\r\n+redis\r\n+version\r\n+7.0.0\r\n+mode\r\n+cluster\r\n";
  for (const reply of ["+OK\r\n", "*1\r\n+OK\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", ""]) {
    const other = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (data) => socket.write(/HELLO/.test(String(data)) ? greeting : reply));
    }).listen(0, loopback);
    await new Promise((listening) => other.once("listening", listening));
    const wrong = { host: loopback, port: (other.address() as { port: number }).port };
    await rejects(new ClusterMap([wrong]).nodeOf(0), Error, /none|no reply|not there within/);
    const map = new ClusterMap([wrong, { host: loopback, port: cluster.nodes[0]?.port as number }]);
    assert.is((await map.nodeOf(0)).port, cluster.nodes[0]?.port);
    await new Promise((ended) => other.close(ended));
  }
});
