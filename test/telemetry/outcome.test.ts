/** Sampling by outcome: nothing is exported when it happens, and whole stories once they are over. */

import * as assert from "uvu/assert";
import { on, PermanentError } from "../../src/index.ts";
import { startTelemetry } from "../../src/telemetry.ts";
import { open, things } from "../support/backbone.ts";
import { startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { Collector } from "./collector.ts";

test(
  "with throughline_outcome the processes export nothing, and the follower the stories that went wrong, whole",
  async () => {
    await using live = await Collector.start();
    await using told = await Collector.start();
    Object.assign(process.env, {
      OTEL_EXPORTER_OTLP_ENDPOINT: live.endpoint,
      OTEL_METRICS_EXPORTER: "none",
      OTEL_TRACES_SAMPLER: "throughline_outcome",
    });
    const telemetry = await startTelemetry({ serviceName: "test" });
    await using o = await open();
    const namespace = o.keys.meta().replace(/:meta$/, "");
    const channel = things("things", { retry: { backoffMs: 5, jitter: 0 } });
    const component = await o.run(
      o.backbone.component("c", [
        on(channel, ({ payload }, { attempt }) => {
          if (payload.n === 1 && attempt === 1) throw new Error("not yet");
          if (payload.n === 2) throw new PermanentError("never");
        }),
      ]),
    );
    const refs = await Promise.all(
      Array.from({ length: 20 }, (_, n) => o.backbone.publish(channel, { n, key: `${n}` })),
    );
    await component.whenIdle();
    const traceOf = (n: number): string => refs[n]?.traceparent.slice(3, 35) ?? "";
    for (const { traceparent } of refs) assert.ok(traceparent.endsWith("-01"), "every story has ids in the log");

    const args = ["--url", redisUrl(), "--namespace", namespace, "--json", "spans", "follow", "--quiet", "100"];
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: told.endpoint };
    await using follower = startProcess("trading/pipeline/throughline.ts", [...args, "--slow", "60000"], { env });
    await told.until(({ spans }) => spans.length >= 6);
    // What happens later is followed, too.
    const last = await o.backbone.publish(channel, { n: 2, key: "later" });
    await component.whenIdle();
    await told.until(({ spans }) => spans.length >= 9);
    follower.kill("SIGTERM");
    assert.is((await follower.ended).code, 0);
    const seen = told.spans.map(({ traceId, name }) => `${traceId} ${name}`).sort();
    const ofDead = (traceId: string): string[] =>
      ["send things", "process things", "send things:dead"].map((name) => `${traceId} ${name}`);
    const ofRetried = ["send things", "process things", "process things"].map((name) => `${traceOf(1)} ${name}`);
    assert.equal(seen, [...ofRetried, ...ofDead(traceOf(2)), ...ofDead(last.traceparent.slice(3, 35))].sort());
    const { kept, left } = JSON.parse(follower.stdout());
    assert.equal([kept, left], [3, 18]);
    await telemetry.shutdown();
    assert.is(live.spans.length, 0);
  },
  { timeoutMs: 60_000 },
);
