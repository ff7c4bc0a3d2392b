/** The README's example does what the README says. */

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
