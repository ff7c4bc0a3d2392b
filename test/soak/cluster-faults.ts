/** Carries out the faults of a schedule on the desk and on the nodes of a cluster. */

import { setTimeout as delay } from "node:timers/promises";
import type { PrivateCluster } from "../../src/local-redis/private-cluster.ts";
import type { PrivateRedis } from "../../src/local-redis/private-server.ts";
import type { Keys } from "../../src/redis/keys.ts";
import type { FactOf } from "../checker/history.ts";
import { ClusterAdmin, type NodeLook, nodeAt } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { isLinked } from "../support/replication.ts";
import type { Desk } from "./desk.ts";
import { strikeDesk } from "./faults.ts";
import { type ClusterFault, clusterPartitions, type DeskFault } from "./schedule.ts";
import { lastEntryIds, noEntry } from "./survived.ts";
import { soakedChannels } from "./verdict.ts";

/** Longest time for a replica to have everything, for an election, and for a node that was killed to follow again, ms. */
const agreedWithinMs = 60_000;
/** Of writes that a stale replica has missed. */
const missedMs = 400;

export interface ClusterParts {
  readonly desk: Desk;
  readonly cluster: PrivateCluster;
  readonly keys: Keys;
  /** What is acknowledged, the replica has. */
  readonly confirmed: boolean;
  /** What a primary writes just before it is killed does not reach its replica. */
  readonly staleReplicas: boolean;
}

export class ClusterFaults implements Disposable {
  /** What a replica did not have that was promoted. */
  readonly losses: FactOf<"loss">[] = [];
  readonly #parts: ClusterParts;
  readonly #admin = new ClusterAdmin();
  /** What happens to nodes comes one after the other: a single fault at a time is what a replica is for. */
  #nodes: Promise<void> = Promise.resolve();

  constructor(parts: ClusterParts) {
    this.#parts = parts;
  }

  /** Resolves when the fault is over: killed members and nodes run again, and every replica follows. */
  strike(fault: DeskFault | ClusterFault): Promise<void> {
    if (fault.kind !== "failover" && fault.kind !== "promote" && fault.kind !== "move")
      return strikeDesk(this.#parts.desk, fault);
    this.#nodes = this.#nodes.then(() => this.#strikeNode(fault));
    return this.#nodes;
  }

  [Symbol.dispose](): void {
    this.#admin[Symbol.dispose]();
  }

  async #strikeNode({ kind, partition }: ClusterFault): Promise<void> {
    const admin = this.#admin;
    const { cluster, keys } = this.#parts;
    const key = keys.tag(partition);
    const [first] = cluster.nodes as unknown as readonly [{ readonly port: number }];
    const primary = await admin.primaryOf(key, first);
    const nodes = await admin.nodes(first);
    if (kind === "move") {
      const others = nodes.filter(({ port, slots }) => slots.length > 0 && port !== primary.port);
      await admin.move(key, others[partition % others.length] as NodeLook);
      return;
    }
    const replica = nodes.find((node) => node.primary === primary.id) as NodeLook;
    if (kind === "promote") await admin.client(replica).call("CLUSTER", "FAILOVER");
    else if (this.#parts.staleReplicas)
      await this.#killAhead(nodeAt(cluster, primary.port), nodeAt(cluster, replica.port));
    else await nodeAt(cluster, primary.port).kill("SIGKILL");
    await admin.whenPromoted(key, primary.port, replica);
    if (kind === "failover") {
      const killed = nodeAt(cluster, primary.port);
      await this.#noteLoss(killed, replica);
      await killed.restart();
    }
    await eventually(() => this.#isFollowing(primary), agreedWithinMs);
  }

  /** Kills the primary when its replica has missed its last writes. */
  async #killAhead(primary: PrivateRedis, replica: PrivateRedis): Promise<void> {
    await replica.kill("SIGSTOP");
    // What is on its way would reach the replica once it goes on: the link is cut, and a replica that stands still makes no other.
    await this.#admin.client({ port: Number(new URL(primary.url).port) }).call("CLIENT", "KILL", "TYPE", "replica");
    await delay(missedMs);
    await primary.kill("SIGKILL");
    await replica.kill("SIGCONT");
  }

  /** Replication is asynchronous: what the files of the killed primary have, and its heir has not, is lost. */
  async #noteLoss(killed: PrivateRedis, heir: NodeLook): Promise<void> {
    if (this.#parts.confirmed) return; // what no replica had was not acknowledged
    const { keys } = this.#parts;
    const channels = new Map<string, string>();
    for (let partition = 0; partition < clusterPartitions; partition++) {
      if ((await this.#admin.primaryOf(keys.tag(partition), heir)).port !== heir.port) continue;
      for (const channel of soakedChannels) channels.set(keys.stream(partition, channel), channel);
    }
    const had = await lastEntryIds(killed.directory, channels.keys());
    for (const [stream, channel] of channels) {
      const upTo = had.get(stream) ?? noEntry;
      // What it has appended since then has greater ids, as ids are times.
      const [[after] = [noEntry]] = await this.#admin.client(heir).xrevrange(stream, upTo, "-", "COUNT", 1);
      if (after !== upTo) this.losses.push({ fact: "loss", channel, after, upTo });
    }
  }

  async #isFollowing(node: NodeLook): Promise<boolean> {
    try {
      return await isLinked(this.#admin.client(node));
    } catch {
      await delay(50); // it starts
      return false;
    }
  }
}
