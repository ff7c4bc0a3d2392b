/** A channel is defined completely and soundly, or not at all. */

import * as assert from "uvu/assert";
import { z } from "zod";
import * as surface from "../../src/index.ts";
import { type ChannelDefinition, ChannelError, defineChannel, ThroughlineError } from "../../src/index.ts";
import { test } from "../support/test.ts";

const schema = z.object({ n: z.number() });

test("refuses a definition that cannot work, and says which part of it", () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ name: "Upper" }, /no channel name/],
    [{ name: "1st" }, /no channel name/],
    [{ name: "a:b" }, /no channel name/],
    [{ name: "x".repeat(129) }, /no channel name/],
    [{ name: "members" }, /reserved/],
    [{ schema: {} }, /needs a Standard Schema/],
    [{ schema: undefined }, /needs a Standard Schema/],
    [{ colour: "red" }, /no option "colour"/],
    [{ maxPayloadBytes: 0 }, /maxPayloadBytes is 0/],
    [{ maxNesting: 1.5 }, /maxNesting is 1.5/],
    [{ dedupe: { windowMs: -1 } }, /dedupe.windowMs is -1/],
    [{ retry: { maxAttempts: 0 } }, /maxAttempts is 0/],
    [{ retry: { backoffMs: -1 } }, /backoffMs/],
    [{ retry: { backoffMs: 10, maxBackoffMs: 5 } }, /maxBackoffMs/],
    [{ retry: { jitter: 2 } }, /jitter/],
    [{ retry: { onRetry: "later" } }, /onRetry/],
    [{ retry: { tries: 3 } }, /no option "tries"/],
  ];
  for (const [rest, message] of wrong) {
    let thrown: unknown;
    try {
      defineChannel({ name: "things", schema, ...rest } as ChannelDefinition<{ n: number }>);
    } catch (error) {
      thrown = error;
    }
    assert.instance(thrown, ChannelError, JSON.stringify(rest));
    assert.match((thrown as Error).message, message);
  }
});

test("applies the defaults, and is frozen", () => {
  const channel = defineChannel({ name: "a.b-c_9", schema });
  assert.equal(channel.retry, { maxAttempts: 5, backoffMs: 200, maxBackoffMs: 60_000, jitter: 0.2, onRetry: "park" });
  assert.equal([channel.maxPayloadBytes, channel.maxNesting, channel.dedupeWindowMs], [1_048_576, 64, 0]);
  assert.equal([channel.key({ n: 1 }), channel.correlation({ n: 1 })], ["", {}]);
  assert.ok(Object.isFrozen(channel));
});

test("has a code of its own for each kind of error", () => {
  const codes = Object.values<unknown>(surface).flatMap((Kind) => {
    if (typeof Kind !== "function" || !(Kind.prototype instanceof ThroughlineError)) return [];
    return [(Reflect.construct(Kind, ["x", [], "y"]) as ThroughlineError).code];
  });
  assert.ok(codes.length >= 11);
  assert.is(new Set(codes).size, codes.length);
});
