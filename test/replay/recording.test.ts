/** A recording is read unchanged or refused with file and line; a damaged one is read only as far as the caller allows. */

import { open, readFile, truncate, writeFile } from "node:fs/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import * as assert from "uvu/assert";
import { RecordingError } from "../../src/index.ts";
import { compressed, readBytes, wholeBytes } from "../../src/replay/recording/compression.ts";
import { LineSplitter } from "../../src/replay/recording/lines.ts";
import { openRecording } from "../../src/replay.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { entry, header, linesOf, makeDirectory, writeRecording } from "./recording-files.ts";

const settlement = {
  settled: "algorithm",
  partition: 0,
  entryId: "3-0",
  calls: [{ channel: "orders", entryIds: ["1-0", "2-0"], outcome: "acked" }],
};

test("gives entries and settlements in the order of the file, any number of times", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("r.ndjson");
  const bytes = [Buffer.from("payload"), Buffer.from([0xff, 0x00])].map((one) => one.toString("base64"));
  await writeRecording(path, [
    header,
    entry(1),
    { channel: "orders", partition: 0, entryId: "2-0", fields64: bytes },
    settlement,
  ]);
  const recording = await openRecording(path);
  assert.equal([recording.entries, recording.settlements, recording.isPartial], [2, 1, false]);
  assert.equal([recording.namespace, recording.channels], ["trading", ["orders"]]);
  for (let i = 0; i < 2; i++) {
    const [first, second, third] = await linesOf(recording);
    assert.is(first?.kind === "entry" && first.entry.envelope?.payload, '{"n":1}');
    assert.equal(second?.bytes?.[1], Buffer.from([0xff, 0x00]));
    assert.is(second?.line, 3);
    assert.equal(third?.kind === "settlement" && third.settlement.calls, settlement.calls);
  }
});

test("is read from every compressing program", async () => {
  await using directory = await makeDirectory();
  const plain = directory.path("plain");
  await writeRecording(plain, [header, ...Array.from({ length: 2_000 }, (_, i) => entry(i + 1))]);
  const bytes = await readFile(plain);
  for (const compress of [gzipSync, zstdCompressSync]) {
    const path = directory.path(compress.name);
    await writeFile(path, compress(bytes));
    assert.is((await openRecording(path)).entries, 2_000);
  }
  // Several members, as `cat a.gz b.gz` makes them.
  for (const compress of [gzipSync, zstdCompressSync]) {
    const path = directory.path(`${compress.name}-parts`);
    const third = Math.floor(bytes.length / 3);
    await writeFile(path, Buffer.concat([bytes.subarray(0, third), bytes.subarray(third)].map((one) => compress(one))));
    assert.is((await openRecording(path)).entries, 2_000);
  }
});

const bad: readonly (readonly [what: string, lines: readonly (object | string)[], line: number, reason: RegExp])[] = [
  ["what is no recording", ['{"orders":1}', entry(1)], 1, /no recording/],
  ["what is no JSON", ["\u0000\u0001", entry(1)], 1, /no recording/],
  ["a newer format", [{ ...header, version: 2 }, entry(1)], 1, /format version 2/],
  ["a header that lacks something", [{ ...header, partitions: undefined }, entry(1)], 1, /header/],
  ["a line that is no JSON", [header, entry(1), '{"channel":"ord'], 3, /not whole JSON/],
  ["a line of something else", [header, { what: 1 }], 2, /nothing that a recording has/],
  ["an entry of another channel", [header, entry(1), { ...entry(2), channel: "fills" }], 3, /"fills"/],
  ["an entry of a partition that is not there", [header, { ...entry(1), partition: 1 }], 2, /partition 1/],
  ["an entry without an id", [header, { ...entry(1), entryId: "1" }], 2, /no entry id/],
  ["fields that are not in pairs", [header, { ...entry(1), fields: ["payload"] }], 2, /in turn/],
  ["a settlement of another component", [header, { ...settlement, settled: "sender" }], 2, /"sender"/],
  ["a settlement without calls", [header, { ...settlement, calls: [{}] }], 2, /calls/],
];

for (const [what, lines, line, reason] of bad) {
  test(`refuses ${what}, with its line`, async () => {
    await using directory = await makeDirectory();
    const path = directory.path("r.ndjson");
    await writeRecording(path, lines);
    const error = await rejects(openRecording(path), RecordingError, reason);
    assert.is(error.file, path);
    assert.is(error.line, line);
    assert.ok(error.message.includes(path) && error.message.includes(`line ${line}`));
  });
}

test("refuses a file that is empty, and one that is not there", async () => {
  await using directory = await makeDirectory();
  await writeFile(directory.path("empty"), "");
  await rejects(openRecording(directory.path("empty")), RecordingError, /no recording/);
  await rejects(openRecording(directory.path("none")), RecordingError, /cannot be read/);
});

test("refuses lines that were changed, taken away or added, at the next checksum", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("r.ndjson");
  await writeRecording(path, [header, entry(1), entry(2), entry(3)]);
  const text = await readFile(path, "utf8");
  const lines = text.split("\n");
  for (const changed of [
    text.replace('{\\"n\\":2}', '{\\"n\\":9}'),
    lines.filter((_, i) => i !== 2).join("\n"),
    [...lines.slice(0, 2), lines[1], ...lines.slice(2)].join("\n"),
  ]) {
    await writeFile(path, changed);
    const error = await rejects(openRecording(path), RecordingError, /checksum/);
    assert.is(error.line, changed.split("\n").length - 1);
  }
});

test("reads the intact parts of a damaged recording when asked to, and names the others", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("r.ndjson");
  await writeRecording(path, [header, entry(1), "{", { ...entry(2), channel: "fills" }, entry(3)]);
  await writeFile(path, (await readFile(path, "utf8")).replace('{\\"n\\":3}', '{\\"n\\":4}'));
  const told: (number | undefined)[] = [];
  const recording = await openRecording(path, { skipInvalid: true, onInvalid: ({ line }) => told.push(line) });
  assert.equal(told, [3, 4, 6]);
  assert.equal(
    (await linesOf(recording)).map(({ line }) => line),
    [2, 5],
  );
  assert.equal(told.length, 3); // once, however often it is read
});

test("a file cut anywhere is refused, and is readable to its last whole line", async () => {
  await using directory = await makeDirectory();
  const whole = directory.path("whole");
  await writeRecording(whole, [header, entry(1), entry(2)]);
  const bytes = await readFile(whole);
  const path = directory.path("cut");
  const headerLength = bytes.indexOf("\n") + 1;
  for (let length = headerLength; length < bytes.length; length++) {
    await writeFile(path, bytes.subarray(0, length));
    await rejects(openRecording(path), RecordingError, /partial/);
    const recording = await openRecording(path, { skipInvalid: true });
    assert.ok(recording.isPartial);
    const wholeLines = bytes.subarray(0, length).toString().split("\n").length - 2;
    assert.is(recording.entries, Math.min(2, wholeLines), `cut to ${length}`);
  }
  await writeFile(path, bytes.subarray(0, headerLength - 5));
  await rejects(openRecording(path, { skipInvalid: true }), RecordingError, /no recording/);
});

test("the lines of a file are the same however it is cut into chunks, and one that is too long is told as soon as it is", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 30 })),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      (texts, size, limit, endsWhole) => {
        const lines = texts.map((text) => text.replaceAll("\n", ""));
        const bytes = Buffer.from(lines.join("\n") + (endsWhole && lines.length > 0 ? "\n" : ""));
        const splitter = new LineSplitter(limit);
        const found: (string | undefined)[] = [];
        const told: number[] = [];
        for (let at = 0; at < bytes.length; at += size) {
          for (const line of splitter.push(bytes.subarray(at, at + size))) {
            if (line.endsAt === undefined) told.push(line.number);
            else {
              found.push(line.bytes?.toString());
              assert.is(line.number, found.length);
              assert.is(bytes[line.endsAt - 1], 0x0a);
            }
          }
        }
        assert.is(splitter.isTooLong, told.includes(found.length + 1));
        const last = splitter.end();
        if (last !== undefined) found.push(last.bytes?.toString());
        const all = bytes.length === 0 ? [] : bytes.toString().split("\n");
        if (bytes.at(-1) === 0x0a) all.pop();
        const isLong = all.map((line) => Buffer.byteLength(line) > limit);
        assert.equal(
          found,
          all.map((line, i) => (isLong[i] ? undefined : line)),
        );
        assert.equal(
          told,
          isLong.flatMap((long, i) => (long ? [i + 1] : [])),
        );
      },
    ),
  );
});

test("a compressed file that was cut anywhere is whole up to its last whole part, for any parts", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("parts");
  for (const compression of ["gzip", "zstd"] as const) {
    // A long run that zstd keeps as one repeated byte, what it cannot compress, and an empty one.
    const noise = Buffer.from(Array.from({ length: 3_000 }, (_, i) => (i * i * 7919) % 251));
    const parts = [Buffer.from("first\n"), Buffer.alloc(400_000, "a"), noise, Buffer.alloc(0), Buffer.from("last")];
    const members = await Promise.all(parts.map((part) => compressed(part, compression)));
    const ends = members.map((_, i) => Buffer.concat(members.slice(0, i + 1)).length);
    await writeFile(path, Buffer.concat(members));
    await using file = await open(path, "r");
    const read: Buffer[] = [];
    for await (const chunk of readBytes(path, file)) read.push(chunk);
    assert.ok(Buffer.concat(read).equals(Buffer.concat(parts)));
    for (let length = Buffer.concat(members).length; length >= 0; length -= 7) {
      await truncate(path, length);
      assert.is(
        await wholeBytes(file, compression),
        Math.max(0, ...ends.filter((end) => end <= length)),
        `cut to ${length}`,
      );
    }
  }
});
