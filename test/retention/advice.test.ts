/** Maintenance trims by the retention in its own code: the retention in the namespace's description is only advice. */

import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { test } from "../support/test.ts";

const maintenanceEveryMs = 100;

test("a retention that somebody wrote into the description trims nothing, and is reported once", async () => {
  await using o = await open({ maintenanceEveryMs });
  const kept = things("kept", { retention: { maxEntries: 50 } });
  const endless = things("endless");
  const handled: number[] = [];
  const component = await o.run(
    o.backbone.component("c", [on(kept, ({ payload: { n } }) => void handled.push(n)), on(endless, () => undefined)]),
  );
  await eventually(async () => (await o.client.hlen(o.keys.meta())) === 5);
  await o.client.hset(o.keys.meta(), "channel:kept", '{"maxEntries":1}', "channel:endless", '{"maxEntries":1}');
  for (let n = 0; n < 60; n++) {
    await o.backbone.publish(kept, { n });
    await o.backbone.publish(endless, { n });
  }
  await component.whenIdle();
  const warning = await eventually(() => o.log.find(({ text }) => text.includes("describes another retention")));
  assert.equal([warning.level, warning.fields["channel"]], ["warn", "kept"]);
  // A round after the one that warned has trimmed by now, and trimmed to the code's fifty.
  await eventually(async () => (await o.client.xlen(o.stream(kept))) === 50);
  const rounds = await o.client.keys(o.keys.maintenanceTurn("*"));
  const turn = await o.client.get(rounds[0] ?? "");
  await eventually(async () => (await o.client.get(rounds[0] ?? "")) !== turn);
  assert.equal([await o.client.xlen(o.stream(kept)), await o.client.xlen(o.stream(endless))], [50, 60]);
  assert.is(o.log.filter(({ text }) => text.includes("describes another retention")).length, 1);
});

test("processes that trim different channels each have their turns", async () => {
  await using one = await open({ maintenanceEveryMs });
  await using two = await open({ maintenanceEveryMs, namespace: one.backbone.namespace });
  const [first, second] = ["first", "second"].map((name) => things(name, { retention: { maxEntries: 5 } }));
  assert.ok(first && second);
  for (const [o, channel] of [
    [one, first],
    [two, second],
  ] as const) {
    await Promise.all(Array.from({ length: 20 }, (_, n) => o.backbone.publish(channel, { n })));
    o.backbone.maintain();
  }
  await eventually(async () => {
    const lengths = await Promise.all([first, second].map((channel) => one.client.xlen(one.stream(channel))));
    return lengths.every((length) => length === 5);
  });
});
