/** A cluster of Valkey 9, whose slots move in one step, under load. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { slotCount } from "../../src/local-redis/private-cluster.ts";
import { slotOf } from "../../src/redis/client/topology.ts";
import { eventually } from "../support/eventually.ts";
import { startLoad } from "../support/load.ts";
import { containerTest } from "./container-test.ts";
import { docker, type Owner } from "./engine.ts";
import { servers } from "./images.ts";
import { makeNetwork, type Server, startServer } from "./server.ts";

const primaries = 3;
const partitions = 6;
const moves = 18;

interface Node extends AsyncDisposable {
  readonly id: string;
  /** In the network that Linux shares with its containers. */
  readonly address: string;
  readonly client: Redis;
}

async function startNode(owner: Owner, network: string): Promise<Node> {
  const settings = ["--cluster-enabled", "yes", "--appendfsync", "always"];
  const server: Server = await startServer(owner, servers.valkey9, { network, settings });
  const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
  const address = await docker("inspect", server.id, "--format", format);
  const client = new Redis(server.url, { protocol: 2 });
  return {
    id: String(await client.call("CLUSTER", "MYID")),
    address,
    client,
    [Symbol.asyncDispose]: async () => {
      client.disconnect();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Makes the nodes one cluster. */
async function unite(nodes: readonly Node[]): Promise<void> {
  const each = Math.ceil(slotCount / nodes.length);
  for (const [i, { client, address }] of nodes.entries()) {
    await client.call("CLUSTER", "ADDSLOTSRANGE", i * each, Math.min(slotCount, (i + 1) * each) - 1);
    await client.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
    if (i > 0) await nodes[0]?.client.call("CLUSTER", "MEET", address, 6379);
  }
  for (const { client } of nodes)
    await eventually(async () => {
      const facts = String(await client.call("CLUSTER", "INFO"));
      return facts.includes("cluster_state:ok") && facts.includes(`cluster_known_nodes:${nodes.length}`);
    }, 30_000);
}

/** The node that has the slot, as each of them says of itself. */
async function ownerOf(slot: number, nodes: readonly Node[]): Promise<Node | undefined> {
  for (const node of nodes) {
    const text = String(await node.client.call("CLUSTER", "NODES"));
    const ranges = (/^.*\bmyself\b.*connected ?(.*)$/m.exec(text)?.[1] ?? "").split(" ");
    const isHere = ranges.some((range) => {
      const [first = Number.NaN, last = first] = range.split("-").map(Number);
      return first <= slot && slot <= last;
    });
    if (isHere) return node;
  }
  return undefined;
}

containerTest(
  `${servers.valkey9.name}: slots that move in one step under load lose and repeat nothing, and their owners stay`,
  async (owner) => {
    await using network = await makeNetwork(owner);
    await using stack = new AsyncDisposableStack();
    const nodes: Node[] = [];
    for (let i = 0; i < primaries; i++) nodes.push(stack.use(await startNode(owner, network.name)));
    await unite(nodes);
    const cluster = nodes.map(({ address }) => `redis://${address}:6379`);
    await using load = await startLoad({ cluster, partitions, takeoverAfterMs: 2_000, publishTimeoutMs: 60_000 });
    for (let move = 0; move < moves; move++) {
      const slot = slotOf(load.o.keys.tag(move % partitions));
      const source = (await ownerOf(slot, nodes)) as Node;
      const target = nodes[(nodes.indexOf(source) + 1) % primaries] as Node;
      await source.client.call("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id);
      await eventually(async () => (await ownerOf(slot, nodes)) === target, 30_000);
      await load.goOn(50, 60_000);
    }
    await load.finishClean();
    assert.not(load.log.some(({ text }) => text.includes("the server has gone back")));
  },
  { timeoutMs: 240_000 },
);
