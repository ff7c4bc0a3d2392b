/** The alert about relays is fired by outputs that cannot get to their partition, and goes off when they have got there. */

import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { partitionOf } from "../../src/publish/placement.ts";
import { type Series, sumOf } from "../ops/exposition.ts";
import { assertFiring, needPromtool } from "../ops/rules.ts";
import { startWorker } from "../ops/worker.ts";
import { open } from "../support/backbone.ts";
import { test } from "../support/test.ts";

const partitions = 4;

test(
  "outputs whose channel at another node is full wait in the relay, and the alert fires",
  async () => {
    needPromtool();
    await using stack = new AsyncDisposableStack();
    const cluster = stack.use(await startPrivateCluster({ replicas: 0 }));
    const o = stack.use(await open({ cluster: cluster.urls, partitions }));
    // The worker's tasks are in the first partition, and their outputs in another.
    const key = "abcdefgh".split("").find((one) => partitionOf(one, partitions) !== 0) ?? "";
    const outputs = o.keys.stream(partitionOf(key, partitions), "outputs");
    const servers = { REDIS_URL: undefined, REDIS_CLUSTER: cluster.urls.join(","), PARTITIONS: String(partitions) };
    const worker = await startWorker(stack, o.backbone.namespace, { ...servers, OUTPUT_KEY: key, OUTPUT_CAP: "2" });
    const before = { worker: await worker.until((series) => sumOf(series, "throughline_partition_owned") === 4) };
    assertFiring([before], 5, []);

    for (let n = 0; n < 3; n++) await o.write({ name: "tasks" }, "payload", JSON.stringify({ will: "output" }));
    const waited = (seconds: number) => (series: readonly Series[]) =>
      (sumOf(series, "throughline_relay_time") ?? 0) > seconds;
    const stands = { worker: await worker.until(waited(5)) };
    assertFiring([before, stands], 5, ["ThroughlineRelayStands"]);

    await o.client.xtrim(outputs, "MAXLEN", 0);
    const moved = { worker: await worker.until((series) => (sumOf(series, "throughline_relay_outputs") ?? 0) === 0) };
    assertFiring([before, stands, moved], 5, []);
  },
  { timeoutMs: 120_000 },
);
