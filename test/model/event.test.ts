/** The information in a reference, without a look at the log. */

import * as assert from "uvu/assert";
import { traceIdOf } from "../../src/index.ts";
import { open, things } from "../support/backbone.ts";
import { test } from "../support/test.ts";

test("names the trace as backends do, and nothing where there is none or where it cannot be read", () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  assert.is(traceIdOf({ traceparent: `00-${traceId}-b7ad6b7169203331-01` }), traceId);
  for (const traceparent of ["", "nonsense", "00-short-b7ad6b7169203331-01", `00-${traceId.toUpperCase()}-b-01`]) {
    assert.is(traceIdOf({ traceparent }), "");
  }
});

test("tells a repeated publish from the first one, and gives the first one's entry id", async () => {
  await using o = await open();
  const channel = things("things", { dedupe: { windowMs: 60_000 } });
  const first = await o.backbone.publish(channel, { n: 1 }, { eventId: "e" });
  const again = await o.backbone.publish(channel, { n: 2 }, { eventId: "e" });
  assert.equal([first.isRepeat, again.isRepeat, again.entryId], [false, true, first.entryId]);
  assert.is((await o.entries(channel)).length, 1);
});
