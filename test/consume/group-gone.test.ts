/** A group that is gone is made again, and nothing that a member had been given is lost by it or comes twice. */

import * as assert from "uvu/assert";
import { type Component, on } from "../../src/index.ts";
import { scripts } from "../../src/redis/store/scripts.ts";
import { type Opened, open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { named, startProxy } from "../support/proxy.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const pending = async (o: Opened, stream: string): Promise<unknown> => (await o.client.xpending(stream, "c"))[0];

/** The entries whose settlement is logged, in their order. */
async function logged(o: Opened): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { calls } of o.backbone.readSettlements("c")) ids.push(...calls.flatMap(({ entryIds }) => entryIds));
  return ids.sort();
}

test("acknowledges nothing while its group is gone, and all of it once the group is there again", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const source = things("source");
  let handled = 0;
  const component = await o.run(o.backbone.component("c", [on(source, () => void handled++)]));
  await component.whenSettled(await o.backbone.publish(source, { n: 0 })); // Redis has the script from now on
  // The acknowledgements reach Redis when the group is gone, and are answered in one part with the join that makes it again.
  const together = proxy.together(named("evalsha", scripts.ack.sha), named("evalsha", scripts.join.sha));
  await Promise.all(Array.from({ length: 10 }, (_, n) => o.backbone.publish(source, { n })));
  await eventually(() => handled === 11);
  await o.client.xgroup("DESTROY", o.stream(source), "c");
  await together;
  await component.whenIdle();
  assert.is(handled, 11);
  assert.is(await pending(o, o.stream(source)), 0);
  assert.equal(
    await logged(o),
    (await o.entries(source)).map(({ id }) => id),
  );
});

test("acknowledges once more what was settled before its group was gone, but answered after it was made again", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const source = things("source");
  let handled = 0;
  const component = await o.run(o.backbone.component("c", [on(source, () => void handled++)]));
  await component.whenSettled(await o.backbone.publish(source, { n: 0 }));
  await o.write(source, "payload", '{"n":1}');
  await eventually(() => handled === 2);
  await component.whenIdle();
  // Only what the reader asks is answered at once.
  proxy.delay("toClient", 500, "evalsha");
  await o.write(source, "payload", '{"n":2}');
  await eventually(() => handled === 3);
  await eventually(async () => (await pending(o, o.stream(source))) === 0);
  await o.client.xgroup("DESTROY", o.stream(source), "c");
  await eventually(() => o.log.some(({ text }) => text.includes("made again as it was")));
  proxy.heal();
  await component.whenIdle();
  assert.is(handled, 3);
  assert.equal(
    await logged(o),
    (await o.entries(source)).map(({ id }) => id),
  );
});

test("does not make its group again behind a read whose reply is still on its way", async () => {
  await using proxy = await startProxy(redisUrl());
  await using o = await open({ url: proxy.url, direct: redisUrl() });
  const [source, out] = [things("source"), things("out")];
  const copy = on(source, async ({ payload }, { publish }) => void (await publish(out, payload)));
  const component = await o.run(o.backbone.component("c", [copy], { claimAfterMs: 400 }));
  await component.whenSettled(await o.backbone.publish(source, { n: 0 }));
  // Ten of the member's regular looks at its group fit into this.
  proxy.delay("toClient", 1_000, "xreadgroup");
  await o.write(source, "payload", '{"n":1}');
  await o.client.xgroup("DESTROY", o.stream(source), "c");
  await eventually(async () => (await o.entries(out)).length > 1);
  proxy.heal();
  await component.whenSettled(await o.backbone.publish(source, { n: 2 }));
  await component.whenIdle();
  assert.equal(
    (await o.entries(out)).map(({ payload }) => payload.n),
    [0, 1, 2],
  );
});

test("keeps a retry that is in hand when its group is made again at its saved position", async () => {
  await using o = await open();
  const [source, out] = [things("source", { retry: { backoffMs: 1_000, jitter: 0 } }), things("out")];
  const gate = Promise.withResolvers<void>();
  const make = (): Component =>
    o.backbone.component(
      "c",
      [
        on(source, async ({ payload }, { publish, attempt }) => {
          if (attempt === 1) throw new Error("once");
          if (attempt === 2) await gate.promise;
          await publish(out, payload);
        }),
      ],
      { claimAfterMs: 400 },
    );
  const first = await o.run(make());
  await o.backbone.publish(source, { n: 0 });
  await eventually(async () => (await o.client.zcard(o.keys.parked(0, "source", "c"))) === 1);
  await first.drain();
  // This one has read nothing itself, and cannot say where the group stood.
  const second = await o.run(make());
  await eventually(async () => (await o.client.zcard(o.keys.parked(0, "source", "c"))) === 0);
  await o.client.xgroup("DESTROY", o.stream(source), "c");
  await eventually(() => o.log.some(({ text }) => text.includes("made again at its saved position")));
  gate.resolve();
  await eventually(async () => (await o.entries(out)).length > 0);
  await second.whenIdle();
  assert.is((await o.entries(out)).length, 1);
});

test("drains while its group is gone", async () => {
  await using o = await open();
  const source = things("source");
  const gate = Promise.withResolvers<void>();
  const component = o.backbone.component("c", [on(source, () => gate.promise)]);
  const run = component.run();
  await component.ready();
  await o.backbone.publish(source, { n: 0 });
  await eventually(async () => (await pending(o, o.stream(source))) === 1);
  const draining = component.drain();
  await eventually(async () => !String(await o.client.client("LIST")).includes("throughline:read:c"));
  await o.client.xgroup("DESTROY", o.stream(source), "c");
  gate.resolve();
  await draining;
  await run;
});
