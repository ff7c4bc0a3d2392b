/** A handler that does not return in time has failed: its lane goes on, and what it still does is void. */

import * as assert from "uvu/assert";
import { ConfigError, HandlerTimeoutError, on, type StateStore, type Tools } from "../../src/index.ts";
import { open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const never = new Promise<void>(() => undefined);

test("a handler that never returns fails by its time, and the next of its key goes on", async () => {
  await using o = await open();
  const source = things("source", { retry: { ...soon, maxAttempts: 2 } });
  const seen: string[] = [];
  const reasons: unknown[] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(source, { handlerTimeoutMs: 50 }, async ({ payload }, { attempt, signal }) => {
        seen.push(`${payload.n}, attempt ${attempt}`);
        signal.addEventListener("abort", () => reasons.push(signal.reason));
        if (payload.n === 1) await never;
      }),
    ]),
  );
  const hangs = await o.backbone.publish(source, { n: 1, key: "k" });
  const next = await o.backbone.publish(source, { n: 2, key: "k" });
  assert.is(await component.whenSettled(next), "acked");
  assert.is(await component.whenSettled(hangs), "deadLettered");
  assert.equal(seen.sort(), ["1, attempt 1", "1, attempt 2", "2, attempt 1"]);
  assert.is(reasons.length, 2);
  for (const reason of reasons) assert.instance(reason, HandlerTimeoutError);
  const [letter] = await o.dead(source, "c");
  assert.is(letter?.["dead-code"], "THROUGHLINE_HANDLER_TIMEOUT");
  assert.match(letter?.["dead-error"] ?? "", /50 ms/);
  await component.drain(); // waits for no handler whose time was up
});

test("what a handler publishes, reads or writes after its time is refused, and the next attempt's is there once", async () => {
  await using o = await open();
  const [source, out] = [things("source", { retry: soon }), things("out")];
  const kept: { tools: Tools; store: StateStore<number> }[] = [];
  const late = Promise.withResolvers<void>();
  const component = await o.run(
    o.backbone.component("c", [
      on(source, { handlerTimeoutMs: 100 }, async ({ payload }, tools) => {
        const store = tools.state<number>("s");
        if (tools.attempt === 1) {
          kept.push({ tools, store });
          await tools.publish(out, { n: -1 });
          store.set("k", -1);
          await late.promise;
          throw new Error("nobody hears this");
        }
        store.set("k", ((await store.get("k")) ?? 0) + 1);
        await tools.publish(out, payload);
      }),
    ]),
  );
  const ref = await o.backbone.publish(source, { n: 1 });
  assert.is(await component.whenSettled(ref), "acked");
  const [{ tools, store }] = kept as [{ tools: Tools; store: StateStore<number> }];
  await rejects(tools.publish(out, { n: -2 }), Error, /time was up/);
  await rejects(store.get("k"), Error, /time was up/);
  assert.throws(() => store.set("k", -2), /time was up/);
  assert.throws(() => store.delete("k"), /time was up/);
  await rejects(tools.state<number>("other").get("k"), Error, /time was up/);
  late.resolve();
  await eventually(() => o.log.some(({ text }) => text.includes("time was up") && text.includes("ended")));
  assert.equal(
    (await o.entries(out)).map(({ payload }) => payload.n),
    [1],
  );
  assert.is(await o.backbone.view("c", "s").get("k"), 1);
});

test("tools that were never asked for anything are void after the time as well", async () => {
  await using o = await open();
  const [source, out] = [things("source", { retry: { ...soon, maxAttempts: 1 } }), things("out")];
  let kept: Tools | undefined;
  const component = await o.run(
    o.backbone.component("c", [
      on(source, { handlerTimeoutMs: 50 }, (_event, tools) => {
        kept = tools;
        return never;
      }),
    ]),
  );
  assert.is(await component.whenSettled(await o.backbone.publish(source, { n: 1 })), "deadLettered");
  await rejects(kept?.publish(out, { n: 1 }) as Promise<unknown>, Error, /time was up/);
  assert.ok(kept?.signal.aborted);
});

test("state that is written after its handler has returned is refused as a publish is", async () => {
  await using o = await open();
  const source = things("source");
  let kept: StateStore<number> | undefined;
  const component = await o.run(
    o.backbone.component("c", [
      on(source, (_event, { state }) => {
        kept = state<number>("s");
        kept.set("k", 1);
      }),
    ]),
  );
  await component.whenSettled(await o.backbone.publish(source, { n: 1 }));
  assert.throws(() => kept?.set("k", 2), /after its handler had returned/);
  assert.is(await o.backbone.view("c", "s").get("k"), 1);
});

test("of a batch that takes too long each event has its own time", async () => {
  await using o = await open();
  const source = things("source", { retry: { ...soon, maxAttempts: 1 } });
  for (let n = 0; n < 3; n++) await o.backbone.publish(source, { n });
  const sizes: number[] = [];
  const component = await o.run(
    o.backbone.component("c", [
      on(source, { batch: { maxSize: 3, maxWaitMs: 1_000 }, handlerTimeoutMs: 100 }, async (events) => {
        sizes.push(events.length);
        if (events.some(({ payload }) => payload.n === 1)) await never;
      }),
    ]),
  );
  await component.whenIdle();
  assert.equal(sizes, [3, 1, 1, 1]);
  assert.equal(
    (await o.dead(source, "c")).map((letter) => JSON.parse(letter["payload"] ?? "").n),
    [1],
  );
});

test("a publish whose schema never answers is in its handler's time", async () => {
  await using o = await open();
  const source = things("source", { retry: { ...soon, maxAttempts: 1 } });
  const { schema } = things("any");
  const hangs = things("hangs", {
    schema: { "~standard": { ...schema["~standard"], validate: () => new Promise<never>(() => undefined) } },
  });
  const component = await o.run(
    o.backbone.component("c", [
      on(source, { handlerTimeoutMs: 50 }, (_event, { publish }) => {
        void publish(hangs, { n: 1 });
      }),
    ]),
  );
  assert.is(await component.whenSettled(await o.backbone.publish(source, { n: 1 })), "deadLettered");
});

test("a handler's signal aborts when the drain has run out of time, whatever time of its own it has", async () => {
  await using o = await open();
  const source = things("source");
  const begun = Promise.withResolvers<AbortSignal>();
  const component = o.backbone.component(
    "c",
    [
      on(source, { handlerTimeoutMs: 60_000 }, (_event, { signal }) => {
        begun.resolve(signal);
        return new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }),
    ],
    { drainTimeoutMs: 50 },
  );
  const run = component.run();
  run.catch(() => undefined);
  await o.backbone.publish(source, { n: 1 });
  const signal = await begun.promise;
  await rejects(component.drain(), Error, /did not drain/);
  assert.ok(signal.aborted);
});

test("refuses times that cannot be", () => {
  const source = things("source");
  for (const handlerTimeoutMs of [0, 1.5, Number.NaN, 2 ** 31, -1]) {
    assert.throws(
      () => on(source, { handlerTimeoutMs }, () => undefined),
      (error: unknown) => error instanceof ConfigError && error.message.includes("handlerTimeoutMs"),
    );
  }
  assert.is(on(source, () => undefined).handlerTimeoutMs, undefined);
});
