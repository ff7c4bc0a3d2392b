/** Ids of spans that derive from what the log holds. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { AttemptIdentity, type AttemptPlace, isAttemptId, WriteIdentity } from "../../src/tracing/derived-ids.ts";
import { test } from "../support/test.ts";

const place: AttemptPlace = {
  namespace: "n",
  component: "c",
  partition: 0,
  channel: "orders",
  entryId: "1-0",
  attempt: 1,
  epoch: 7,
  run: 0,
};
const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = fc.stringMatching(/^[0-9a-f]{16}$/).filter((id) => !/^0+$/.test(id));

test("an attempt's ids follow from its place, and each part of the place changes them", () => {
  const own = new AttemptIdentity(place);
  assert.is(own.spanId(traceId), new AttemptIdentity({ ...place }).spanId(traceId));
  const others: readonly Partial<AttemptPlace>[] = [
    { namespace: "m" },
    { component: "d" },
    { partition: 1 },
    { channel: "fills" },
    { entryId: "1-1" },
    { attempt: 2 },
    { epoch: 8 },
    { run: 1 },
  ];
  const ids = [place, ...others].map((other) => new AttemptIdentity({ ...place, ...other }));
  assert.is(new Set(ids.map((id) => id.spanId(traceId))).size, ids.length);
  assert.is(new Set(ids.map((id) => id.traceId())).size, ids.length);
  assert.is.not(own.spanId(traceId), own.spanId(traceId.replace("8448", "9448")));
  assert.match(own.traceId(), /^[0-9a-f]{32}$/);
});

test("ids of 100,000 attempts in one trace are all different, and their digits evenly spread", () => {
  const ids = new Set<string>();
  const digits = new Map<string, number>();
  const count = 100_000;
  for (let i = 0; i < count; i++) {
    const id = new AttemptIdentity({ ...place, entryId: `1796030934${i >>> 8}-${i & 255}` }).spanId(traceId);
    ids.add(id);
    for (const at of [0, 7, 11, 15]) digits.set(`${at}${id[at]}`, (digits.get(`${at}${id[at]}`) ?? 0) + 1);
  }
  assert.is(ids.size, count);
  for (const seen of digits.values()) assert.ok(Math.abs(seen - count / 16) < 8 * Math.sqrt(count / 16), `${seen}`);
  assert.is(digits.size, 64);
});

test("an attempt's id is told from a drawn one", () => {
  assert.ok(isAttemptId(traceId, new AttemptIdentity(place).spanId(traceId)));
  const drawn = fc.sample(spanId, 20_000).filter((id) => isAttemptId(traceId, id));
  assert.ok(drawn.length < 10, `${drawn.length} of 20,000 pass by chance`);
});

test("the id of a span that writes an event tells its parent, and whether it is a root", () => {
  fc.assert(
    fc.property(spanId, fc.string(), (parent, eventId) => {
      const identity = new WriteIdentity("send", eventId);
      const own = identity.spanId(traceId, parent);
      assert.match(own, /^[0-9a-f]{16}$/);
      assert.is(identity.parentOf(traceId, own), parent);
      assert.is(identity.parentOf(traceId, identity.spanId(traceId, "")), "");
      assert.is.not(own, new WriteIdentity("create", eventId).spanId(traceId, parent));
    }),
  );
});
