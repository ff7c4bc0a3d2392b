/** A payload of an older version becomes one of today's, step by step, or is refused with both versions named. */

import * as assert from "uvu/assert";
import { z } from "zod";
import { ChannelError, defineChannel, PayloadError, type Upcasters } from "../../src/index.ts";
import { Envelope } from "../../src/model/envelope.ts";
import { EnvelopeError, VersionError } from "../../src/model/errors.ts";
import { readPayload } from "../../src/model/payload-reading.ts";
import { test } from "../support/test.ts";

const Order = z.object({ id: z.string(), cents: z.number().int(), currency: z.string() });
const toCents = (order: { id: string; price: string }) => ({
  id: order.id,
  cents: Math.round(Number(order.price) * 100),
});
const withCurrency = (order: { id: string; cents: number }) => ({ ...order, currency: "EUR" });
const orders = (version?: number, upcast?: Upcasters) =>
  defineChannel({
    name: "orders",
    schema: Order,
    ...(version === undefined ? {} : { version }),
    ...(upcast === undefined ? {} : { upcast }),
  });
const entry = (payload: unknown, version = ""): Envelope =>
  new Envelope({
    channel: "orders",
    entryId: "1-1",
    fields: ["payload", JSON.stringify(payload), ...(version === "" ? [] : ["version", version])],
  });

test("upcasts step by step from any version, and leaves today's alone", () => {
  const channel = orders(3, { 1: toCents, 2: withCurrency });
  const today = { id: "a", cents: 150, currency: "EUR" };
  assert.equal(readPayload(channel, entry({ id: "a", price: "1.50" })), today);
  assert.equal(readPayload(channel, entry({ id: "a", cents: 150 }, "2")), today);
  assert.equal(readPayload(channel, entry({ ...today, currency: "USD" }, "3")), { ...today, currency: "USD" });
  assert.throws(
    () => readPayload(channel, entry(today, "4")),
    (error: unknown) => error instanceof VersionError,
  );
});

test("an upcaster that throws, gives a promise, or gives what the schema refuses names both versions", () => {
  const refused = (upcast: Upcasters[number], reason: RegExp) => {
    assert.throws(
      () => readPayload(orders(2, { 1: upcast }), entry({ id: "a" })),
      (error: unknown) => error instanceof PayloadError && reason.test(error.message),
    );
  };
  refused(() => {
    throw new Error("no price");
  }, /the payload of version 1, upcast to 2: payload: its upcast from 1 to 2 threw: no price/);
  refused(async () => ({}), /version 1, upcast to 2.*gave a promise/);
  refused(() => ({ id: "a" }), /the payload of version 1, upcast to 2: cents: /);
  const fromTwo = orders(3, { 2: withCurrency });
  assert.throws(() => readPayload(fromTwo, entry({ id: "a" })), /version 1, upcast to 3.*no upcast from 1/);
});

test("a payload of today's version that is refused when it is read is told as one that had passed", () => {
  assert.throws(
    () => readPayload(orders(), entry({ id: "a", cents: "1", currency: "EUR" })),
    /cents: .*If it was published by a definition of this channel, it passed then/,
  );
});

test("a version that is none makes the entry unreadable", () => {
  for (const version of ["0", "-1", "1.5", "v2", "01", "1e3", "9999999999"])
    assert.throws(
      () => entry({}, version),
      (error: unknown) => error instanceof EnvelopeError,
      version,
    );
  assert.is(entry({}).version, 1);
  assert.is(entry({}, "12").version, 12);
});

test("refuses a definition that leaves entries without a way to its version", () => {
  const refused = (version: number, upcast: Upcasters | undefined, reason: RegExp) =>
    assert.throws(
      () => orders(version, upcast),
      (error: unknown) => error instanceof ChannelError && reason.test(error.message),
    );
  refused(0, undefined, /version is 0/);
  refused(1.5, undefined, /version is 1.5/);
  refused(2, undefined, /no upcast from 1/);
  refused(3, { 1: toCents }, /from version 2 to 3/);
  refused(2, { 2: withCurrency }, /versions before 2/);
  refused(2, { 1: "toCents" as never }, /from version 1 to 2/);
  refused(1, { 0: toCents }, /versions before 1/);
});
