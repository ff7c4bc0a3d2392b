/** Replies of XREADGROUP: the same entries however the bytes arrive, and a refusal or rubbish told apart. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { StreamsDecoder, type StreamsReply } from "../../../src/redis/client/streams-decoder.ts";
import { test } from "../../support/test.ts";

type Field = readonly [name: string, value: Uint8Array | string];
type Entry = readonly [id: string, fields: readonly Field[] | null];
type Stream = readonly [key: string, entries: readonly Entry[]];

function bulk(text: Uint8Array | string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]);
}

function list(items: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`*${items.length}\r\n`), ...items]);
}

function encoded(streams: readonly Stream[]): Buffer {
  const entry = ([id, fields]: Entry): Buffer =>
    list([bulk(id), fields === null ? Buffer.from("*-1\r\n") : list(fields.flat().map(bulk))]);
  return list(streams.map(([key, entries]) => list([bulk(key), list(entries.map(entry))])));
}

function expected(streams: readonly Stream[]): object {
  return {
    entries: streams.flatMap(([key, entries]) =>
      entries.map(([entryId, fields]) => ({
        channel: `channel of ${key}`,
        entryId,
        fields: (fields ?? []).flat().map((part) => Buffer.from(part).toString("utf8")),
      })),
    ),
  };
}

function decodeInParts(decoder: StreamsDecoder, bytes: Buffer, cuts: readonly number[]): StreamsReply | undefined {
  const places = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b).concat(bytes.length);
  let from = 0;
  let reply: StreamsReply | undefined;
  for (const to of places) {
    if (to === from) continue;
    assert.is(reply, undefined, "a reply before its last byte");
    reply = decoder.decode(bytes.subarray(from, to));
    from = to;
  }
  return reply !== undefined && "entries" in reply ? { entries: reply.entries.map((entry) => ({ ...entry })) } : reply;
}

function newDecoder(): StreamsDecoder {
  return new StreamsDecoder((key) => `channel of ${key}`);
}

const name = fc.oneof(
  fc.constantFrom("id", "payload", "é", "traceparent"),
  fc.string({ unit: "binary", maxLength: 12 }),
);
const value = fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array({ maxLength: 40 }));
const entry = fc.tuple(
  fc.constantFrom("1-0", "1700000000000-12"),
  fc.option(fc.array(fc.tuple(name, value), { maxLength: 20 })),
);
const streams = fc.array(fc.tuple(fc.string({ maxLength: 8 }), fc.array(entry, { minLength: 1, maxLength: 6 })), {
  minLength: 1,
  maxLength: 3,
});

test("decodes the same entries wherever the bytes are cut, one reply after the other", () => {
  const decoder = newDecoder();
  fc.assert(
    fc.property(streams, fc.array(fc.nat(), { maxLength: 12 }), (reply, cuts) => {
      assert.equal(decodeInParts(decoder, encoded(reply), cuts), expected(reply));
    }),
  );
});

test("decodes a reply that is larger than the first buffer", () => {
  const payload = "x".repeat(3_000_000);
  const reply: Stream[] = [
    [
      "s",
      [
        ["1-0", [["payload", payload]]],
        ["2-0", [["payload", payload]]],
      ],
    ],
  ];
  assert.equal(decodeInParts(newDecoder(), encoded(reply), [1, 70_000, 3_000_100]), expected(reply));
});

test("takes no entries as an empty reply", () => {
  assert.equal(newDecoder().decode(Buffer.from("*-1\r\n")), { entries: [] });
});

test("gives a refusal as an error, and the next reply after it", () => {
  const decoder = newDecoder();
  assert.is(decoder.decode(Buffer.from("-NOGROUP no such ")), undefined);
  const reply = decoder.decode(Buffer.from("key\r\n")) as { readonly refusal: Error };
  assert.is(reply.refusal.message, "NOGROUP no such key");
  assert.equal(decoder.decode(Buffer.from("*-1\r\n")), { entries: [] });
});

test("throws on bytes that are no such reply", () => {
  assert.throws(() => newDecoder().decode(Buffer.from(":1\r\n")), /where a reply to XREADGROUP has/);
});
