/** A cluster under faults for as long as it is given: a primary dies, or a slot moves, one after the other; in the end the checker. */

import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { ClusterAdmin, nodeAt } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { fullOr } from "../support/full-length.ts";
import { startLoad } from "../support/load.ts";
import { isLinked } from "../support/replication.ts";
import { test } from "../support/test.ts";

const partitions = 12;
/** A fault about every 20 s. */
const rounds = fullOr(60, 4);

test(
  `${rounds} failovers and moves under load, with confirmed replicas, lose nothing and double nothing`,
  async () => {
    await using cluster = await startPrivateCluster({ nodeTimeoutMs: 1_000 });
    using admin = new ClusterAdmin();
    await using load = await startLoad({
      ...{ cluster: cluster.urls, partitions, takeoverAfterMs: 2_000, publishTimeoutMs: 120_000 },
      durability: { replicas: 1, timeoutMs: 1_000 },
    });
    const { keys } = load.o;
    for (let round = 0; round < rounds; round++) {
      const key = keys.tag(round % partitions);
      const [first, second] = cluster.nodes as readonly [
        (typeof cluster.nodes)[number],
        (typeof cluster.nodes)[number],
      ];
      const { port } = await admin.primaryOf(key, first);
      if (round % 2 === 0) {
        const dying = nodeAt(cluster, port);
        const observer = dying.port === first.port ? second : first;
        await dying.kill("SIGKILL");
        await admin.whenPromoted(key, port, observer);
        await dying.restart();
        await eventually(() => isLinked(admin.client(dying)));
      } else {
        const primaries = (await admin.nodes(first)).filter(({ slots }) => slots.length > 0 && slots[0] !== undefined);
        const to = primaries.find((node) => node.port !== port) as { port: number };
        await admin.move(key, to);
      }
      await load.goOn(100, 60_000);
    }
    await load.finishClean();
  },
  { timeoutMs: fullOr(3_600_000, 240_000) },
);
