/** A channel's first publish proves that its payloads come back from JSON as they were; those after it pay nothing for that. */

import * as assert from "uvu/assert";
import { z } from "zod";
import { type Channel, defineChannel, item, on, PayloadError } from "../../src/index.ts";
import { open, soon, things } from "../support/backbone.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

function channelOf(schema: unknown): Channel<unknown> {
  return defineChannel<unknown>({ name: "odd", schema: schema as never });
}

/** Values that JSON loses: a schema and a payload that the schema accepts; the path and the words of the refusal. */
const lost: readonly (readonly [what: string, schema: unknown, payload: unknown, path: string, reason: RegExp])[] = [
  [
    "a date",
    z.object({ order: z.object({ at: z.date() }) }),
    { order: { at: new Date(0) } },
    "order.at",
    /a Date is published and a string arrives, which the schema refuses \(.*\): .*z\.iso\.datetime\(\)/s,
  ],
  ["a map", z.object({ m: z.map(z.string(), z.number()) }), { m: new Map([["a", 1]]) }, "m", /a Map is published/],
  [
    "a set in a list",
    z.object({ l: z.array(z.set(z.string())) }),
    { l: [new Set(["a"])] },
    "l.0",
    /a Set is published/,
  ],
  ["a bigint", z.object({ id: z.object({ n: z.bigint() }) }), { id: { n: 1n } }, "id.n", /bigint/],
  [
    "a transform that changes the type",
    z.object({ symbol: z.string().transform((text) => text.length) }),
    { symbol: "ACME" },
    "symbol",
    /the schema refuses its own output/,
  ],
  [
    "a transform that is not the same twice",
    z.object({ symbol: z.string().transform((text) => `${text}!`) }),
    { symbol: "ACME" },
    "symbol",
    /"ACME!" is published and "ACME!!" arrives/,
  ],
  [
    "a date that any schema takes",
    z.object({ at: z.any() }),
    { at: new Date(0) },
    "at",
    /a Date is published and a string arrives/,
  ],
  ["a map that any schema takes", z.any(), new Map([["a", 1]]), "", /a Map is published and an object arrives/],
  ["a hole", z.array(z.any()), [undefined], "0", /undefined is published and null arrives/],
  ["no number", z.object({ n: z.any() }), { n: Number.NaN }, "n", /NaN is published and null arrives/],
  ["a function", z.object({ f: z.any() }), { f: () => 1 }, "f", /a function is published and undefined arrives/],
];

for (const [what, schema, payload, path, reason] of lost) {
  test(`refuses ${what} at the first publish, with the path and what to do`, async () => {
    await using o = await open();
    const channel = channelOf(schema);
    for (const publish of [
      () => o.backbone.publish(channel, payload),
      () => o.backbone.publish(channel, payload), // until one survives, each is the first
      () => o.backbone.publishAll([item(channel, payload)]),
    ]) {
      const { issues } = await rejects(publish(), PayloadError, reason);
      assert.is(issues[0]?.path, path);
    }
    assert.is(await o.client.exists(o.stream(channel)), 0);
  });
}

class Price {
  readonly amount: number;
  constructor(amount: number) {
    this.amount = amount;
  }
}

/** Values that come back from JSON unchanged. */
const kept: readonly (readonly [what: string, schema: unknown, payload: unknown])[] = [
  ["a date that the schema makes again", z.object({ at: z.coerce.date() }), { at: new Date(0) }],
  ["a transform that is the same twice", z.object({ symbol: z.string().trim().toUpperCase() }), { symbol: " acme " }],
  ["a default", z.object({ side: z.string().default("buy") }), {}],
  ["what is undefined in an object", z.object({ n: z.number().optional() }), { n: undefined }],
  ["an object of a class, whose fields are all that counts", z.object({ p: z.any() }), { p: new Price(1) }],
  ["minus nought", z.object({ n: z.number() }), { n: -0 }],
  ["null, lists and nesting", z.any(), { a: [null, { b: [[]] }], c: "", d: false }],
];

for (const [what, schema, payload] of kept) {
  test(`takes ${what}`, async () => {
    await using o = await open();
    const channel = channelOf(schema);
    await o.backbone.publish(channel, payload);
    assert.is((await o.entries(channel)).length, 1);
  });
}

test("asks the schema twice at the first publish, and once at each after it", async () => {
  await using o = await open();
  let asked = 0;
  const channel = defineChannel<unknown>({
    name: "counted",
    schema: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) => {
          asked++;
          return { value };
        },
      },
    },
  });
  await o.backbone.publish(channel, { n: 1 });
  assert.is(asked, 2);
  for (let n = 0; n < 5; n++) await o.backbone.publish(channel, { n });
  assert.is(asked, 7);
});

test("waits for a schema that answers later, in both directions", async () => {
  await using o = await open();
  const late = z.object({ at: z.date() }).refine(async () => true);
  await rejects(o.backbone.publish(channelOf(late), { at: new Date(0) }), PayloadError, /a Date is published/);
  const fine = channelOf(z.object({ n: z.number() }).refine(async () => true));
  await o.backbone.publish(fine, { n: 1 });
  assert.is((await o.entries(fine)).length, 1);
});

test("refuses a handler's output likewise, and so dead-letters the event at once", async () => {
  await using o = await open();
  const source = things("source", { retry: soon });
  const out = channelOf(z.object({ at: z.date() }));
  const component = await o.run(
    o.backbone.component("c", [on(source, async (_, { publish }) => void (await publish(out, { at: new Date(0) })))]),
  );
  assert.is(await component.whenSettled(await o.backbone.publish(source, { n: 1 })), "deadLettered");
  const [letter] = await o.dead(source, "c");
  assert.match(letter?.["dead-error"] ?? "", /at: .*a Date is published/);
  assert.is(letter?.["dead-attempts"], "1");
});
