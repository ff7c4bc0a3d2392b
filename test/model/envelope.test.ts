/** Encoding and decoding of entries: every written entry reads back the same, and no entry breaks the reader. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { z } from "zod";
import { defineChannel, EnvelopeError, LostEntryError, PayloadError } from "../../src/index.ts";
import {
  decodeEntry,
  encodeEntry,
  encodePayload,
  parsePayload,
  wireEntry,
  wireFields,
} from "../../src/model/envelope.ts";
import { test } from "../support/test.ts";

const entryId = "1700000000000-3";
const anything = defineChannel({ name: "things", schema: z.unknown() });

test("reads back every written entry, ids and keys of any text included", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 30 });
  const cause = fc.record(
    { id: text.filter((id) => id !== ""), traceparent: fc.constantFrom("", "00-aa-bb-01") },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(
      text,
      fc.nat(),
      text,
      fc.jsonValue(),
      fc.array(cause, { maxLength: 5 }),
      fc.record({
        traceparent: fc.constantFrom("", "00-a-b-01"),
        tracestate: fc.constantFrom("", "x=y"),
        baggage: fc.constantFrom("", "a=b"),
        stories: fc.constantFrom("", ";a=b"),
      }),
      fc.integer({ min: 1, max: 999_999_999 }),
      fc.nat(),
      (id, time, key, value, causes, carrier, version, dueAt) => {
        fc.pre(id !== "");
        let json: string;
        try {
          json = encodePayload(anything, value);
        } catch (error) {
          if (error instanceof PayloadError) return; // it has a forbidden key, or is too deep
          throw error;
        }
        const fields = wireEntry(encodeEntry(id, time, key, json, carrier, causes, version, dueAt));
        const read = decodeEntry({ channel: "things", entryId, fields });
        const rest = { payload: json, ...carrier, version, dueAt, causes };
        assert.equal({ ...read }, { channel: "things", entryId, id, time, key, ...rest });
        assert.equal(parsePayload(read, 1_048_576, 64), JSON.parse(json));
      },
    ),
    { numRuns: 500 },
  );
});

test("reads fields in any order, or gives the reason why it cannot", () => {
  const name = fc.oneof(fc.constantFrom(...wireFields), fc.string({ maxLength: 8 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string({ maxLength: 40 })), { maxLength: 12 }), (pairs) => {
      try {
        const read = decodeEntry({ channel: "things", entryId, fields: pairs.flat() });
        const written = (name: string): string | undefined => pairs.find(([one]) => one === name)?.[1];
        assert.is(read.payload, written("payload"));
        assert.is(read.id, written("id") || `things/${entryId}`);
        for (const name of ["key", "traceparent", "tracestate", "baggage", "stories"] as const) {
          assert.is(read[name], written(name) ?? "", name);
        }
        assert.ok(Number.isFinite(read.time) && read.id !== "");
        parsePayload(read, 1_000, 8);
        assert.ok(Number.isInteger(read.version) && read.version > 0 && Number.isInteger(read.dueAt));
      } catch (error) {
        assert.ok(error instanceof EnvelopeError || error instanceof LostEntryError, String(error));
      }
    }),
    { numRuns: 1_000 },
  );
});

test("derives the missing fields of an entry that has only a payload", () => {
  const read = decodeEntry({ channel: "things", entryId, fields: ["payload", "1"] });
  assert.equal([read.id, read.time, read.key, read.causes], [`things/${entryId}`, 1_700_000_000_000, "", []]);
});

test("tells a trimmed entry from an unreadable one", () => {
  assert.throws(
    () => decodeEntry({ channel: "things", entryId, fields: [] }),
    (error: unknown) => error instanceof LostEntryError,
  );
  assert.throws(
    () => decodeEntry({ channel: "things", entryId, fields: ["x", "y"] }),
    (error: unknown) => error instanceof EnvelopeError && error.entryId === entryId,
  );
});

test("lets no forbidden key through, however it is spelt, and takes the words as values", () => {
  const parse = (payload: string): unknown =>
    parsePayload(decodeEntry({ channel: "things", entryId, fields: ["payload", payload] }), 1_000, 64);
  const forbidden = [
    '{"__proto__":1}',
    '{"a":[{"constructor" : 1}]}',
    '{"prototype"\n:1}',
    '{"\\u005f_proto__":1}',
    '{"\\u0063onstructor":{"prototype":1}}',
  ];
  for (const payload of forbidden) assert.throws(() => parse(payload), /__proto__, constructor or prototype/, payload);
  const allowed = ['["__proto__"]', '{"a":"constructor"}', '{"a":"\\"__proto__\\":"}', '{"proto":1}', '"\\u005f"'];
  for (const payload of allowed) assert.equal(parse(payload), JSON.parse(payload));
});

test("counts nesting outside of strings only, at the limit exactly", () => {
  const parse = (payload: string): unknown =>
    parsePayload(decodeEntry({ channel: "things", entryId, fields: ["payload", payload] }), 10_000, 4);
  parse("[[[[1]]]]");
  parse(`["${"[".repeat(100)}", "\\"[[[[[["]`);
  assert.throws(() => parse("[[[[[1]]]]]"), /deeper than 4/);
  assert.throws(() => parse('{"a":{"b":{"c":{"d":{}}}}}'), /deeper than 4/);
});

test("keeps at most 1,000 causes, and survives a rubbish list of them", () => {
  const causes = Array.from({ length: 1_200 }, (_, i) => ({ id: `c${i}`, traceparent: "" }));
  const carrier = { traceparent: "", tracestate: "", baggage: "" };
  const fields = wireEntry(encodeEntry("id", 1, "", "1", carrier, causes));
  assert.is(decodeEntry({ channel: "things", entryId, fields }).causes.length, 1_000);
  const rubbish = ["id", "id", "payload", "1", "causes", ",".repeat(1_000_000)];
  assert.equal(decodeEntry({ channel: "things", entryId, fields: rubbish }).causes, []);
});
