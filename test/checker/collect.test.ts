/** A history collected from a live Redis, in which the checker finds every change that was made to the log. */

import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { open, things } from "../support/backbone.ts";
import { test } from "../support/test.ts";
import { checkHistory } from "./check.ts";
import { collectHistory } from "./collect.ts";
import type { Fact } from "./history.ts";

test("collects a history from a live Redis, which the checker accepts, and rejects once the log was tampered with", async () => {
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  const component = await o.run(
    o.backbone.component("copier", [
      on(source, async ({ payload }, { publish, state }) => {
        const counts = state<number>("counts");
        counts.set("all", ((await counts.get("all")) ?? 0) + 1);
        await publish(out, payload);
      }),
    ]),
  );
  const recorded: Fact[] = [{ fact: "flow", component: "copier", from: "source", to: "out", counter: "counts" }];
  for (let n = 0; n < 1_500; n++) {
    o.backbone.publish(source, { n, key: `k${n % 3}` }, { eventId: `e${n}` }).then(({ entryId }) => {
      const key = `k${n % 3}`;
      recorded.push({ fact: "publish", producer: "p", channel: "source", id: `e${n}`, key, outcome: "acked", entryId });
    });
  }
  await o.backbone.publish(source, { n: -1, key: "last" }, { eventId: "last" }).then(({ entryId }) => {
    recorded.push({
      fact: "publish",
      producer: "p",
      channel: "source",
      id: "last",
      key: "last",
      outcome: "acked",
      entryId,
    });
  });
  await component.whenIdle();
  const violations = async (): Promise<readonly string[]> => {
    const facts = await collectHistory({ client: o.client, keys: o.keys, recorded, drained: true });
    return checkHistory(facts).map(({ kind, text }) => `${kind} ${text}`);
  };
  assert.equal(await violations(), []);

  const entries = await o.entries(out);
  const [first, second] = entries;
  await o.client.xdel(o.stream(out), first?.id ?? "");
  assert.match(
    (await violations()).join("\n"),
    /^missing copier: source e0 is acknowledged and has 0 of 1 outputs on out$/,
  );
  await o.client.xadd(o.stream(out), "*", ...Object.entries(first?.fields ?? {}).flat());
  assert.equal(await violations(), []);
  await o.client.xadd(o.stream(out), "*", ...Object.entries(second?.fields ?? {}).flat());
  assert.match((await violations()).join("\n"), /^doubled out .* is in the log 2 times/);
  await o.client.hset(o.keys.state(0, "copier", "counts"), "other", "1 5");
  assert.match(
    (await violations()).join("\n"),
    /doubled copier: counts says 1506, and 1501 of source are acknowledged/,
  );
});
