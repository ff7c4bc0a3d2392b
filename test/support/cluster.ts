/** What a test does to a private cluster: it looks at slots, moves them from node to node, and promotes replicas. */

import { Redis } from "ioredis";
import type { PrivateCluster } from "../../src/local-redis/private-cluster.ts";
import type { PrivateRedis } from "../../src/local-redis/private-server.ts";
import { slotOf } from "../../src/redis/client/topology.ts";
import { eventually } from "./eventually.ts";

/** A node as another one sees it. */
export interface NodeLook {
  readonly id: string;
  readonly port: number;
  readonly flags: string;
  readonly primary: string;
  readonly slots: readonly (readonly [first: number, last: number])[];
}

/** Bare clients of the nodes, by their ports. */
export class ClusterAdmin implements Disposable {
  readonly #clients = new Map<number, Redis>();
  readonly #migratePortOf: (port: number) => number;

  /** `migratePortOf`: where a node takes keys of others, with `tls-cluster yes` its TLS port. Default: its port. */
  constructor(migratePortOf: (port: number) => number = (port) => port) {
    this.#migratePortOf = migratePortOf;
  }

  client({ port }: Pick<PrivateRedis, "port">): Redis {
    let client = this.#clients.get(port);
    if (client === undefined) {
      client = new Redis(port, "127.0.0.1", { protocol: 2, maxRetriesPerRequest: 1 });
      client.on("error", () => undefined); // it is away on purpose
      this.#clients.set(port, client);
    }
    return client;
  }

  /** All nodes as this one sees them. */
  async nodes(from: Pick<PrivateRedis, "port">): Promise<readonly NodeLook[]> {
    const text = String(await this.client(from).call("CLUSTER", "NODES"));
    return text
      .trim()
      .split("\n")
      .map((line) => {
        const [id = "", address = "", flags = "", primary = "", , , , , ...slots] = line.split(" ");
        const ranges = slots.flatMap((range): (readonly [number, number])[] => {
          const [first, last = first] = range.split("-").map(Number);
          return range.startsWith("[") ? [] : [[first as number, last as number]];
        });
        return { id, port: Number(/:(\d+)@/.exec(address)?.[1]), flags, primary, slots: ranges };
      });
  }

  /** The primary that has the key's slot, as this node sees it. */
  async primaryOf(key: string, from: Pick<PrivateRedis, "port">): Promise<NodeLook> {
    const slot = slotOf(key);
    const nodes = await this.nodes(from);
    const owner = nodes.find(({ slots }) => slots.some(([first, last]) => first <= slot && slot <= last));
    if (owner === undefined) throw new Error(`nobody has slot ${slot}`);
    return owner;
  }

  /** Moves the key's slot to the node, key by key, as `redis-cli --cluster reshard` does. */
  async move(key: string, to: Pick<PrivateRedis, "port">): Promise<void> {
    const slot = slotOf(key);
    const source = await this.primaryOf(key, to);
    if (source.port === to.port) return;
    const [from, target] = [this.client(source), this.client(to)];
    const targetId = String(await target.call("CLUSTER", "MYID"));
    await target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id);
    await from.call("CLUSTER", "SETSLOT", slot, "MIGRATING", targetId);
    for (;;) {
      const keys = (await from.call("CLUSTER", "GETKEYSINSLOT", slot, 10)) as string[];
      if (keys.length === 0) break;
      await from.call("MIGRATE", "127.0.0.1", this.#migratePortOf(to.port), "", 0, 5_000, "KEYS", ...keys);
    }
    // The target first: else nobody has the slot if the source ends in between.
    await target.call("CLUSTER", "SETSLOT", slot, "NODE", targetId);
    await from.call("CLUSTER", "SETSLOT", slot, "NODE", targetId).catch((error: Error) => {
      // It was the source's last slot: it has become a replica meanwhile.
      if (!/only with masters/.test(error.message)) throw error;
    });
    for (const node of await this.nodes(to))
      if (/master/.test(node.flags) && !/fail/.test(node.flags) && node.port !== to.port && node.port !== source.port)
        await this.client(node).call("CLUSTER", "SETSLOT", slot, "NODE", targetId);
  }

  /** Takes a node into the cluster of another one. Resolves when they know each other. */
  async join(node: Pick<PrivateRedis, "port">, member: Pick<PrivateRedis, "port">): Promise<void> {
    const [, busPort] = (await this.client(node).call("CONFIG", "GET", "cluster-port")) as [string, string];
    await this.client(member).call("CLUSTER", "MEET", "127.0.0.1", node.port, busPort);
    await eventually(async () => {
      const seen = await this.nodes(node);
      const info = String(await this.client(node).call("CLUSTER", "INFO"));
      const isSettled = (look: readonly NodeLook[]): boolean =>
        look.length >= 4 && look.every(({ flags }) => !/handshake/.test(flags));
      if (!isSettled(seen) || !/cluster_state:ok/.test(info)) return false;
      const looks = await Promise.all(seen.map((other) => this.nodes(other)));
      return looks.every(isSettled);
    });
  }

  /** The others forget a node without slots. */
  async forget(node: Pick<PrivateRedis, "port">, members: readonly Pick<PrivateRedis, "port">[]): Promise<void> {
    const id = String(await this.client(node).call("CLUSTER", "MYID"));
    for (const member of members) await this.client(member).call("CLUSTER", "FORGET", id);
  }

  /** Resolves when the slot's primary, as `from` sees it, is another one than `port`. */
  async whenPromoted(key: string, port: number, from: Pick<PrivateRedis, "port">): Promise<NodeLook> {
    let found: NodeLook | undefined;
    await eventually(async () => {
      const primary = await this.primaryOf(key, from);
      if (primary.port !== port) found = primary;
      return found !== undefined;
    });
    return found as NodeLook;
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients.values()) client.disconnect();
  }
}

/** The node of the cluster at the port. */
export function nodeAt({ nodes }: PrivateCluster, port: number): PrivateRedis {
  const node = nodes.find((one) => one.port === port);
  if (node === undefined) throw new Error(`no node at ${port}`);
  return node;
}
