/** Starts a private cluster on free loopback ports: primaries with their replicas, which end with the run that started them. */

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { Redis } from "ioredis";
import { StoreError } from "../model/errors.ts";
import { NoPortError, type PrivateRedis, type PrivateRedisOptions, startPrivateRedis } from "./private-server.ts";

export interface PrivateClusterOptions extends Omit<PrivateRedisOptions, "settings"> {
  /** Default 3. */
  readonly primaries?: number;
  /** Of each primary. Default 1. */
  readonly replicas?: number;
  /** Silence after which a node counts as failed, ms. Default 2,000. */
  readonly nodeTimeoutMs?: number;
  /** The nodes have no slots and do not know each other: to be taken into another cluster. */
  readonly isApart?: boolean;
  /** More lines of each node's configuration, by its number from 0. */
  readonly settings?: (node: number) => readonly string[];
}

/** A private cluster. Its disposal ends all nodes. */
export interface PrivateCluster extends AsyncDisposable {
  /** The addresses of all nodes. */
  readonly urls: readonly string[];
  /** The first ones are those that were made primaries, then the replicas of the first, of the second, … */
  readonly nodes: readonly PrivateRedis[];
  readonly description: string;
  /** Rejects when one of the nodes ends unasked. */
  readonly died: Promise<never>;
}

/** The number of hash slots of every cluster. */
export const slotCount = 16_384;
/** Attempts to start a node, each with another port for its bus. */
const maxAttempts = 3;
/** Longest time for the nodes to agree, ms. */
const formationMs = 30_000;

/** Resolves when all slots are served and every replica follows its primary. @throws {ConfigError} when no server can be had */
export async function startPrivateCluster(options: PrivateClusterOptions = {}): Promise<PrivateCluster> {
  const {
    primaries = 3,
    replicas = 1,
    nodeTimeoutMs = 2_000,
    settings = () => [],
    directory,
    isApart = false,
    ...rest
  } = options;
  const count = primaries * (1 + replicas);
  const started = await Promise.allSettled(
    Array.from({ length: count }, (_, i) => startNode(i, { ...rest, directory, nodeTimeoutMs, settings: settings(i) })),
  );
  const nodes = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const end = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
  };
  try {
    for (const one of started) if (one.status === "rejected") throw one.reason;
    if (!isApart) await unite(nodes, primaries, replicas);
  } catch (error) {
    await end();
    throw error;
  }
  const died = Promise.race(nodes.map((node) => node.died));
  died.catch(() => undefined); // a caller who awaits it is told
  return {
    urls: nodes.map(({ url }) => url),
    nodes,
    description: `${primaries} primaries with ${replicas} replicas each, ${nodes[0]?.description ?? ""}`,
    died,
    [Symbol.asyncDispose]: end,
  };
}

interface NodeOptions extends Omit<PrivateRedisOptions, "directory" | "settings"> {
  readonly directory: string | undefined;
  readonly nodeTimeoutMs: number;
  readonly settings: readonly string[];
}

async function startNode(
  i: number,
  { directory, nodeTimeoutMs, settings, ...rest }: NodeOptions,
): Promise<PrivateRedis> {
  const own = directory === undefined ? undefined : resolve(directory, `node-${i + 1}`);
  if (own !== undefined && rest.fresh === true) await rm(join(own, "nodes.conf"), { force: true });
  for (let attempt = 1; ; attempt++) {
    try {
      return await startPrivateRedis({
        ...rest,
        ...(own !== undefined && { directory: own }),
        settings: [
          "cluster-enabled yes",
          `cluster-port ${await busPort(own)}`, // the default is 10,000 more than the port, which may be no port
          `cluster-node-timeout ${nodeTimeoutMs}`,
          "cluster-config-file nodes.conf",
          ...settings,
        ],
      });
    } catch (error) {
      // Another program may have got the port of the bus, which only looked free; a directory that stays keeps its own.
      if (own !== undefined || attempt === maxAttempts || !(error instanceof NoPortError)) throw error;
    }
  }
}

/** Makes the nodes one cluster, unless an earlier run has. */
async function unite(nodes: readonly PrivateRedis[], primaries: number, replicas: number): Promise<void> {
  const clients = nodes.map(({ port }) => new Redis(port, "127.0.0.1", { protocol: 2, maxRetriesPerRequest: 3 }));
  try {
    const [first] = clients as [Redis, ...Redis[]];
    const known = Number(/cluster_known_nodes:(\d+)/.exec(String(await first.call("CLUSTER", "INFO")))?.[1]);
    if (known < nodes.length) {
      const perNode = Math.ceil(slotCount / primaries);
      for (let p = 0; p < primaries; p++) {
        const last = Math.min(slotCount, (p + 1) * perNode) - 1;
        await clients[p]?.call("CLUSTER", "ADDSLOTSRANGE", p * perNode, last);
      }
      for (const [i, node] of nodes.entries()) {
        if (i === 0) continue;
        await first.call("CLUSTER", "MEET", "127.0.0.1", node.port, await busPortOf(clients[i] as Redis));
      }
      const ids = await Promise.all(clients.map(async (client) => String(await client.call("CLUSTER", "MYID"))));
      for (let r = 0; r < primaries * replicas; r++) {
        const [replica, primary] = [clients[primaries + r] as Redis, ids[Math.floor(r / replicas)] as string];
        // A node takes nobody for its primary whom it has not heard of.
        await until(async () => (await replica.call("CLUSTER", "REPLICATE", primary)) === "OK");
      }
    }
    for (const client of clients) await until(() => isWhole(client, nodes.length));
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function busPortOf(client: Redis): Promise<number> {
  const [, port] = (await client.call("CONFIG", "GET", "cluster-port")) as [string, string];
  return Number(port);
}

/** The node serves all slots with the others, and follows its primary if it is a replica. */
async function isWhole(client: Redis, count: number): Promise<boolean> {
  const info = String(await client.call("CLUSTER", "INFO"));
  const replication = await client.info("replication");
  return (
    info.includes("cluster_state:ok") &&
    info.includes(`cluster_known_nodes:${count}`) &&
    !replication.includes("master_link_status:down")
  );
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + formationMs;
  for (;;) {
    const reason: unknown = await isSo().then(
      (is) => (is ? undefined : "the nodes do not agree"),
      (error: unknown) => error,
    );
    if (reason === undefined) return;
    if (performance.now() > deadline) throw new StoreError(`The private cluster did not form: ${String(reason)}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The port at which the other nodes know this one; in a directory that stays, the same in every run. */
async function busPort(directory: string | undefined): Promise<number> {
  if (directory === undefined) return freePort();
  const file = join(directory, "bus-port");
  const known = Number(await readFile(file, "utf8").catch(() => ""));
  if (known > 0) return known;
  const port = await freePort();
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(file, `${port}\n`);
  return port;
}

function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer().once("error", reject);
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return promise;
}
