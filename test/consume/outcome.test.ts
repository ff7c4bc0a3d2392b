/** What becomes of a failed attempt depends on the error, the attempt and the policy alone. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { judge } from "../../src/consume/outcome.ts";
import { EnvelopeError, PayloadError, PermanentError } from "../../src/index.ts";
import { resolveRetry } from "../../src/model/channel.ts";
import { test } from "../support/test.ts";

const policy = resolveRetry({ maxAttempts: 5, backoffMs: 100, maxBackoffMs: 500, jitter: 0.5 }, "test");

test("doubles the delay up to its cap", () => {
  const delays = [1, 2, 3, 4].map((attempt) => {
    const verdict = judge(new Error("x"), attempt, policy, 0);
    return verdict.kind === "retry" ? verdict.delayMs : undefined;
  });
  assert.equal(delays, [100, 200, 400, 500]);
  assert.is(judge(new Error("x"), 5, policy, 0).kind, "bury");
});

test("takes the jitter off the delay and never adds to it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const [plain, jittered] = [judge("x", attempt, policy, 0), judge("x", attempt, policy, random)];
      if (plain.kind !== "retry" || jittered.kind !== "retry") throw new Error("not retried");
      assert.ok(jittered.delayMs <= plain.delayMs && jittered.delayMs >= plain.delayMs / 2 - 1);
    }),
  );
});

test("buries at once what no retry can help", () => {
  for (const error of [new PermanentError("x"), new EnvelopeError("1-0", "x"), new PayloadError("things", [])]) {
    assert.equal(judge(error, 1, policy, 0), {
      kind: "bury",
      code: error.code,
      reason: `${error.name}: ${error.message}`,
    });
  }
});
