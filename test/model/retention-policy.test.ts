/** The retention options of a channel, accepted and refused, and the floor that its groups set. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { ChannelError, type RetentionPolicy } from "../../src/index.ts";
import {
  capOf,
  describeRetention,
  letsGo,
  parseRetention,
  resolveRetention,
} from "../../src/model/retention-policy.ts";
import { floorOf, holdersOf } from "../../src/retention/floor.ts";
import { things } from "../support/backbone.ts";
import { test } from "../support/test.ts";

test("keeps everything unless told", () => {
  const { retention, cap } = things("things");
  assert.equal([letsGo(retention), cap, describeRetention(retention)], [false, 0, "1"]);
});

test("refuses a policy that would do nothing, or something else than it says", () => {
  const refused: readonly [object, RegExp][] = [
    [{ maxAgeMs: 0 }, /maxAgeMs is 0/],
    [{ maxEntries: 1.5 }, /maxEntries is 1.5/],
    [{ hardCap: -1 }, /hardCap is -1/],
    [{ onFull: "evict" }, /without a hardCap/],
    [{ hardCap: 10, onFull: "drop" }, /"reject" or "evict"/],
    [{ hardCap: 10, maxEntries: 11 }, /above hardCap/],
    [{ maxBytes: 1 }, /no option "maxBytes"/],
  ];
  for (const [retention, message] of refused) {
    assert.throws(
      () => things("things", { retention: retention as RetentionPolicy }),
      (error: Error) => error instanceof ChannelError && message.test(error.message),
    );
  }
});

test("keeps half of the cap where the policy has only a cap", () => {
  assert.is(resolveRetention("c", { hardCap: 11 }).maxEntries, 5);
  assert.is(resolveRetention("c", { hardCap: 1 }).maxEntries, 1);
  assert.is(resolveRetention("c", { hardCap: 11, maxAgeMs: 5 }).maxEntries, undefined);
});

test("tells the store a cap that rejects from one that evicts", () => {
  assert.is(capOf(resolveRetention("c", { hardCap: 7 })), 7);
  assert.is(capOf(resolveRetention("c", { hardCap: 7, onFull: "evict" })), -7);
});

test("is read back from the namespace as it was written, and as keeping everything where it cannot be parsed", () => {
  for (const policy of [
    { maxAgeMs: 1 },
    { maxEntries: 2 },
    { hardCap: 9, onFull: "evict" as const },
    { maxAgeMs: 1, hardCap: 2 },
  ]) {
    const retention = resolveRetention("c", policy);
    assert.equal(parseRetention(describeRetention(retention)), retention);
  }
  for (const text of ["1", "", "{", '{"maxAgeMs":"x"}']) assert.is(parseRetention(text), undefined);
});

test("holds entries that any group has not finished, and none where there is no group", () => {
  assert.is(floorOf([]), undefined);
  const behind = { component: "behind", positionId: "9-0", oldestOpenId: "" };
  const parked = { component: "parked", positionId: "20-0", oldestOpenId: "10-3" };
  const fresh = { component: "fresh", positionId: "0-0", oldestOpenId: "" };
  assert.is(floorOf([parked]), "10-3");
  assert.is(floorOf([behind, parked]), "9-0");
  assert.is(floorOf([{ ...parked, positionId: "4-0" }]), "4-0"); // what is under way may lie after the position
  assert.equal(holdersOf([behind, parked]), ["behind"]);
  assert.equal(holdersOf([behind, fresh, parked, { ...fresh, component: "too" }]), ["fresh", "too"]);
});

test("has a floor that is not after any component's position or open entry, and no lower than it must be", () => {
  const id = fc.tuple(fc.nat(99), fc.nat(99)).map(([ms, seq]) => `${ms}-${seq}`);
  const group = fc.record({
    component: fc.string(),
    positionId: id,
    oldestOpenId: fc.option(id, { nil: "" }),
  });
  const order = (text: string): number => {
    const [ms, seq] = text.split("-").map(Number);
    return (ms ?? 0) * 100 + (seq ?? 0);
  };
  fc.assert(
    fc.property(fc.array(group, { minLength: 1 }), (groups) => {
      const floor = order(floorOf(groups) ?? "");
      const kept = groups.map(({ positionId, oldestOpenId }) =>
        Math.min(order(positionId), oldestOpenId === "" ? Number.POSITIVE_INFINITY : order(oldestOpenId)),
      );
      assert.is(floor, Math.min(...kept));
    }),
  );
});
