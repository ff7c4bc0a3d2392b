/** A publish on the backbone inside a handler is no part of the settlement: that is said once, or refused, or accepted. */

import * as assert from "uvu/assert";
import { type Backbone, ConfigError, item, on } from "../../src/index.ts";
import { memoryBackbone } from "../../src/testing.ts";
import { type LogLine, memoryLog, open, things } from "../support/backbone.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const [source, out] = [things("source"), things("out")];
const told = (log: readonly LogLine[]): readonly LogLine[] =>
  log.filter(({ text }) => text.startsWith("a handler publishes on the backbone"));

test("says once for a component that what its handlers publish on the backbone is not part of their settlement", async () => {
  await using o = await open();
  const { backbone } = o;
  const component = await o.run(
    backbone.component("c", [
      on(source, async ({ payload: { n } }, { publish }) => {
        await publish(out, { n });
        await backbone.publish(out, { n });
        await backbone.publishAll([item(out, { n })]);
        await backbone.notifier(out).handleNotification({ n });
      }),
    ]),
  );
  await backbone.publish(source, { n: 1 });
  await backbone.publish(source, { n: 2 });
  await component.whenIdle();
  assert.is((await o.entries(out)).length, 8);
  const [line, ...more] = told(o.log);
  assert.is(more.length, 0);
  assert.is(line?.level, "warn");
  assert.equal(line?.fields, { component: "c", channel: "out" });
});

test("says nothing of what is published outside of handlers, and of what a handler publishes elsewhere", async () => {
  await using o = await open();
  await using other = await open();
  const component = await o.run(
    o.backbone.component("c", [on(source, async ({ payload }) => void (await other.backbone.publish(out, payload)))]),
  );
  await component.whenSettled(await o.backbone.publish(source, { n: 1 }));
  await o.backbone.publish(out, { n: 1 });
  assert.is(told(o.log).length + told(other.log).length, 0);
});

test("refuses it where it is told to, in batch handlers as well", async () => {
  await using o = await open({ publishInHandlers: "refuse" });
  const { backbone } = o;
  const refused = Promise.withResolvers<unknown>();
  const component = await o.run(
    backbone.component("c", [
      on(source, { batch: { maxSize: 1, maxWaitMs: 0 } }, async () => {
        await backbone.publish(out, { n: 1 }).catch(refused.resolve);
        await rejects(backbone.publishAll([item(out, { n: 1 })]), ConfigError, /component "c"/);
      }),
    ]),
  );
  assert.is(await component.whenSettled(await backbone.publish(source, { n: 1 })), "acked");
  const error = await refused.promise;
  assert.instance(error, ConfigError);
  assert.match(String(error), /publish\("out"\).*component "c".*tools\.publish/s);
  assert.is(await o.client.exists(o.stream(out)), 0);
});

test("accepts it in silence where it is told to, and knows no other word", async () => {
  await using o = await open({ publishInHandlers: "accept" });
  const component = await o.run(
    o.backbone.component("c", [on(source, async ({ payload }) => void (await o.backbone.publish(out, payload)))]),
  );
  await component.whenSettled(await o.backbone.publish(source, { n: 1 }));
  assert.is(told(o.log).length, 0);
  await rejects(open({ publishInHandlers: "no" as never }), ConfigError, /"warn", "refuse" or "accept"/);
});

test("a backbone in memory says it as well", async () => {
  const log: LogLine[] = [];
  await using backbone = memoryBackbone({ log: memoryLog(log) });
  const publish: Backbone["publish"] = (...args) => backbone.publish(...args);
  const component = backbone.component("c", [on(source, async ({ payload }) => void (await publish(out, payload)))]);
  component.run();
  await component.whenSettled(await publish(source, { n: 1 }));
  assert.equal(told(log)[0]?.fields, { component: "c", channel: "out" });
});
