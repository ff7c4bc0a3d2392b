/** Faults of a cluster under load; in the end the checker looks at every event. */

import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { ClusterAdmin, nodeAt } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { startLoad } from "../support/load.ts";
import { isLinked } from "../support/replication.ts";
import { test } from "../support/test.ts";

const partitions = 6;
/** The wait of an owner for its replicas may not look like a death. */
const takeoverAfterMs = 2_000;
const durability = { replicas: 1, timeoutMs: 1_000 } as const;
const timeoutMs = 240_000;
/** Publishes wait for a promotion, and are not given up. */
const publishTimeoutMs = 120_000;

test(
  "with confirmed replicas a primary that is killed and promoted in its place loses nothing and doubles nothing",
  async () => {
    await using cluster = await startPrivateCluster({ nodeTimeoutMs: 1_000 });
    using admin = new ClusterAdmin();
    const { urls } = cluster;
    await using load = await startLoad({ cluster: urls, partitions, durability, takeoverAfterMs, publishTimeoutMs });
    for (let round = 0; round < 2; round++) {
      const key = load.o.keys.tag(round);
      const [alive = ""] = urls;
      const { port } = await admin.primaryOf(key, { port: Number(new URL(alive).port) });
      const dying = nodeAt(cluster, port);
      const observer = cluster.nodes.find((node) => node !== dying) as { port: number };
      await dying.kill("SIGKILL");
      await admin.whenPromoted(key, port, observer);
      await dying.restart(); // as the replica of who took its place
      await eventually(() => isLinked(admin.client(dying)));
      await load.goOn(200, 60_000);
    }
    await load.finishClean();
  },
  { timeoutMs },
);

test(
  "slots that move from node to node all the time hold up their partitions for a moment, and nothing else",
  async () => {
    await using cluster = await startPrivateCluster({ replicas: 0 });
    using admin = new ClusterAdmin();
    await using load = await startLoad({ cluster: cluster.urls, partitions, takeoverAfterMs, publishTimeoutMs });
    for (let move = 0; move < 18; move++) {
      await admin.move(load.o.keys.tag(move % partitions), cluster.nodes[(move + 1) % 3] as { port: number });
      await load.goOn(50, 60_000);
    }
    await load.finishClean();
  },
  { timeoutMs },
);

test(
  "a cluster that is stopped and started again as a whole goes on where it was",
  async () => {
    await using cluster = await startPrivateCluster({ replicas: 0 });
    await using load = await startLoad({ cluster: cluster.urls, partitions, takeoverAfterMs, publishTimeoutMs });
    await Promise.all(cluster.nodes.map((node) => node.kill("SIGTERM")));
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await load.goOn(300, 60_000);
    await load.finishClean();
  },
  { timeoutMs },
);

test(
  "a primary that stands still beyond the nodes' time-out is replaced, and is a replica when it wakes",
  async () => {
    await using cluster = await startPrivateCluster({ nodeTimeoutMs: 1_000 });
    using admin = new ClusterAdmin();
    const { urls } = cluster;
    await using load = await startLoad({ cluster: urls, partitions, durability, takeoverAfterMs, publishTimeoutMs });
    const key = load.o.keys.tag(0);
    const first = cluster.nodes[0] as { port: number };
    const { port } = await admin.primaryOf(key, first);
    const still = nodeAt(cluster, port);
    const observer = cluster.nodes.find((node) => node !== still) as { port: number };
    await still.kill("SIGSTOP");
    await admin.whenPromoted(key, port, observer);
    await still.kill("SIGCONT");
    await eventually(() => isLinked(admin.client(still)));
    await load.goOn(200, 60_000);
    await load.finishClean();
  },
  { timeoutMs },
);

test(
  "a node that joins takes slots over, and one that leaves gives them back, under load",
  async () => {
    await using cluster = await startPrivateCluster({ replicas: 0 });
    await using more = await startPrivateCluster({ primaries: 1, replicas: 0, isApart: true });
    using admin = new ClusterAdmin();
    await using load = await startLoad({ cluster: cluster.urls, partitions, takeoverAfterMs, publishTimeoutMs });
    const first = cluster.nodes[0] as { port: number };
    const joining = more.nodes[0] as { port: number };
    await admin.join(joining, first);
    for (let partition = 0; partition < partitions; partition++) await admin.move(load.o.keys.tag(partition), joining);
    await load.goOn(200, 60_000);
    for (let partition = 0; partition < partitions; partition++)
      await admin.move(load.o.keys.tag(partition), cluster.nodes[partition % 3] as { port: number });
    await admin.forget(joining, cluster.nodes);
    await load.goOn(200, 60_000);
    await load.finishClean();
  },
  { timeoutMs },
);
