/** The README's examples do what the README says. */

import { execFileSync } from "node:child_process";
import * as assert from "uvu/assert";
import { freshNamespace, redisUrl } from "./support/redis.ts";
import { test } from "./support/test.ts";

test("the README's example settles a payment and ends by itself", () => {
  const printed = execFileSync(process.execPath, ["docs/examples/ledger.ts"], {
    env: { ...process.env, REDIS_URL: redisUrl(), NAMESPACE: freshNamespace() },
    encoding: "utf8",
  });
  assert.is(printed, "payment p-1 was acked\nacme has 4200 cents\n");
});

test("the README's test of a user's own code passes, and ends by itself", () => {
  const printed = execFileSync(process.execPath, ["--test", "--test-reporter=tap", "docs/examples/ledger.test.ts"], {
    // Whoever runs this runs tests already, and says so to what it starts.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    encoding: "utf8",
  });
  assert.match(printed, /^ok 1 - a payment is booked once, and its span can be found$/m);
  assert.match(printed, /^# pass 1$/m);
});

test("the example of a test in memory passes, moves its own clock, and ends by itself", () => {
  const beganAt = performance.now();
  const printed = execFileSync(process.execPath, ["--test", "--test-reporter=tap", "docs/examples/retries.test.ts"], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    encoding: "utf8",
  });
  assert.match(printed, /^ok 1 - a payment that the bank refuses twice is booked at the third attempt/m);
  assert.match(printed, /^# pass 1$/m);
  assert.ok(performance.now() - beganAt < 15_000, "three minutes of retries took longer than their test may");
});
