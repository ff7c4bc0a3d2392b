/** Nobody awaits a publish that fails: its handler's attempt fails, in both cores, and the process goes on. */

import * as assert from "uvu/assert";
import { z } from "zod";
import type { Channel, Handler, PublishOutput } from "../../src/index.ts";
import { on } from "../../src/index.ts";
import { memoryBackbone } from "../../src/testing.ts";
import { open, type Thing, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startProcess } from "../support/process.ts";
import { test } from "../support/test.ts";

const bad = { n: 0.5 };
const slow = (name: string): Channel<Thing> =>
  things(name, { schema: z.object({ n: z.number() }).refine(async ({ n }) => n !== 0.5) as never });

/** What becomes of an event whose handler does this, and what is told, on both cores. */
async function outcomes(
  handle: (publish: PublishOutput, out: Channel<Thing>) => void | Promise<void>,
  out = things("out"),
) {
  const source = things("source", { retry: { maxAttempts: 1 } });
  const handler: Handler<Thing> = (_, { publish }) => handle(publish, out);
  await using o = await open();
  const component = await o.run(o.backbone.component("c", [on(source, handler)]));
  const onRedis = await component.whenSettled(await o.backbone.publish(source, { n: 1 }));
  const [letter] = await o.dead(source, "c");
  await using backbone = memoryBackbone();
  const member = backbone.component("c", [on(source, handler)]);
  member.run();
  const inMemory = await member.whenSettled(await backbone.publish(source, { n: 1 }));
  return { onRedis, inMemory, letter };
}

const failing: readonly (readonly [string, (publish: PublishOutput, out: Channel<Thing>) => void | Promise<void>])[] = [
  ["a refused publish", (publish, out) => void publish(out, bad)],
  ["a refused publish of an asynchronous handler", async (publish, out) => void publish(out, bad)],
  [
    "a chain",
    (publish, out) =>
      void publish(out, bad)
        .then(({ id }) => id)
        .finally(() => undefined),
  ],
  [
    "a publish beside an awaited one",
    async (publish, out) => {
      publish(out, bad);
      await publish(out, { n: 1 });
    },
  ],
  ["a helper", (publish, out) => void awaiting(publish, out)],
  ["a helper of an asynchronous handler", async (publish, out) => void awaiting(publish, out)],
  [
    "a helper of a helper",
    (publish, out) => void (async (): Promise<unknown> => await Promise.all([awaiting(publish, out)]))(),
  ],
  [
    "a helper with words of its own",
    (publish, out) =>
      void awaiting(publish, out).catch((cause: unknown) => {
        throw new Error(`it could not be told: ${String(cause)}`, { cause });
      }),
  ],
];
/** The failure goes through a promise of the language's own. */
async function awaiting(publish: PublishOutput, out: Channel<Thing>): Promise<string> {
  const { id } = await publish(out, bad);
  return id;
}
for (const [name, handle] of failing) {
  test(`${name} that nobody awaits fails its attempt`, async () => {
    for (const out of [things("out"), slow("slow-out")]) {
      const { onRedis, inMemory, letter } = await outcomes(handle, out);
      assert.equal([onRedis, inMemory], ["deadLettered", "deadLettered"]);
      assert.is(letter?.["dead-code"], name.includes("words of its own") ? "Error" : "THROUGHLINE_PAYLOAD");
      assert.match(letter?.["dead-error"] ?? "", new RegExp(`channel "${out.name}" refuses the payload`));
    }
  });
}

test("a failure that the handler has heard of is the handler's to judge", async () => {
  const hearing: readonly ((publish: PublishOutput, out: Channel<Thing>) => void | Promise<void>)[] = [
    (publish, out) => void publish(out, bad).catch(() => undefined),
    async (publish, out) => void (await Promise.allSettled([publish(out, bad)])),
    async (publish, out) => {
      const later = publish(out, bad);
      await publish(out, { n: 1 });
      await later.catch(() => undefined);
    },
    async (publish, out) => void (await awaiting(publish, out).catch(() => undefined)),
    (publish, out) => void awaiting(publish, out).catch(() => undefined),
    // What comes of it may take as long as it likes.
    (publish, out) => void publish(out, bad).catch(() => new Promise(() => undefined)),
    (publish, out) => void publish(out, { n: 1 }).then(() => new Promise(() => undefined)),
  ];
  for (const handle of hearing) {
    for (const out of [things("out"), slow("slow-out")]) {
      const { onRedis, inMemory } = await outcomes(handle, out);
      assert.equal([onRedis, inMemory], ["acked", "acked"], String(handle));
    }
  }
});

test("a publish after the end of its attempt that nobody awaits is told in the log", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const late: (() => void)[] = [];
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  const component = await o.run(
    o.backbone.component("c", [on(source, (_, { publish }) => void late.push(() => void publish(out, { n: 1 })))]),
  );
  await component.whenSettled(await o.backbone.publish(source, { n: 1 }));
  late[0]?.();
  setImmediate(resolve);
  await promise;
  const told = o.log.filter(({ text }) => text.includes("after its attempt's end"));
  assert.is(told.length, 1);
  assert.match(String(told[0]?.fields["reason"]), /publish\("out"\) was called after its handler had returned/);
});

test("a helper that publishes after the end of its attempt, and that nobody awaits, is told in the log", async () => {
  const go = Promise.withResolvers<void>();
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  const helper = async (publish: PublishOutput): Promise<void> => {
    await go.promise;
    await publish(out, { n: 1 });
  };
  const component = await o.run(o.backbone.component("c", [on(source, (_, { publish }) => void helper(publish))]));
  assert.is(await component.whenSettled(await o.backbone.publish(source, { n: 1 })), "acked");
  go.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  const told = o.log.filter(({ text }) => text.includes("after its attempt's end"));
  assert.equal(
    told.map(({ level }) => level),
    ["error"],
  );
});

test("a use of state that fails in a helper that nobody awaits fails its attempt, or is told in the log", async () => {
  const go = Promise.withResolvers<void>();
  await using o = await open();
  const [early, late] = ["early", "late"].map((name) => things(name, { retry: { maxAttempts: 1 } })) as [
    Channel<Thing>,
    Channel<Thing>,
  ];
  const component = await o.run(
    o.backbone.component("c", [
      on(early, (_, { state }) => {
        void (async () => state<() => void>("s").set("k", () => undefined))();
      }),
      on(late, (_, { state }) => {
        const sums = state<number>("sums");
        const add = async (): Promise<void> => {
          await go.promise;
          sums.set("k", ((await sums.get("k")) ?? 0) + 1);
        };
        void add();
      }),
    ]),
  );
  assert.is(await component.whenSettled(await o.backbone.publish(early, { n: 1 })), "deadLettered");
  assert.match((await o.dead(early, "c"))[0]?.["dead-error"] ?? "", /the value has no JSON form/);
  assert.is(await component.whenSettled(await o.backbone.publish(late, { n: 1 })), "acked");
  go.resolve();
  await eventually(() => o.log.some(({ text }) => text.includes("after its attempt's end")));
  const told = o.log.filter(({ text }) => text.includes("after its attempt's end"));
  assert.equal(
    told.map(({ level, fields }) => [level, /state "sums" was used after/.test(String(fields["reason"]))]),
    [["error", true]],
  );
});

test("a rejection that comes of no publish ends the process as it would without us, and an application's listener hears of each", async () => {
  await using alone = startProcess("test/fixtures/unhandled.ts");
  assert.equal(await alone.ended, { code: 1, signal: null });
  assert.is(alone.stdout(), "deadLettered\n");
  assert.match(alone.stderr(), /Error: a stranger's\n.*at .*unhandled\.ts/s);
  await using listened = startProcess("test/fixtures/unhandled.ts", ["listens"]);
  assert.equal(await listened.ended, { code: 0, signal: null });
  assert.match(listened.stdout(), /^heard .*refuses the payload.*\ndeadLettered\nheard a stranger's\n$/);
});
