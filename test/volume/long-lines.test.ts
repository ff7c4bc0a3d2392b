/** Memory while a file is read: a line has a limit, and no more than one line is held. */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { constants, createGzip, createZstdCompress, zstdCompressSync } from "node:zlib";
import * as assert from "uvu/assert";
import { ConfigError, RecordingError } from "../../src/index.ts";
import { openRecording } from "../../src/replay.ts";
import { entry, header, linesOf, makeDirectory, writeRecording } from "../replay/recording-files.ts";
import { startProcess } from "../support/process.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const mebibyte = 1_048_576;
/** More than a string can hold, 512 MiB. */
const lineMebibytes = 600;
/** A process that has loaded our code takes some 100 MiB; a line of the limit, in its forms, less than 100 more. */
const mostBytes = 260 * mebibyte;

interface Outcome {
  readonly read: number;
  readonly told: readonly string[];
  readonly name?: string;
  readonly message?: string;
  readonly line?: number;
  readonly peakBytes: number;
}

async function readBy(path: string, what: "recording" | "lines", form: "skip" | "refuse"): Promise<Outcome> {
  await using child = startProcess("test/fixtures/reads-file.ts", [path, what, form]);
  assert.equal(await child.ended, { code: 0, signal: null }, child.stderr());
  return JSON.parse(child.stdout()) as Outcome;
}

/** A line of 600 MiB between two that are right. */
async function writeBomb(path: string, first: object, last: object): Promise<void> {
  const file = createWriteStream(path);
  let into: Writable = file;
  if (path.endsWith(".gz")) into = createGzip({ level: 1 });
  if (path.endsWith(".zst")) into = createZstdCompress();
  if (into !== file) (into as ReturnType<typeof createGzip>).pipe(file);
  const write = async (bytes: string | Buffer): Promise<void> => {
    if (!into.write(bytes)) await once(into, "drain");
  };
  await write(`${JSON.stringify(first)}\n{"channel":"orders","fields":["payload","`);
  const block = Buffer.alloc(mebibyte, "a");
  for (let i = 0; i < lineMebibytes; i++) await write(block);
  await write(`"]}\n${JSON.stringify(last)}\n`);
  into.end();
  await finished(file);
}

for (const ending of ["zst", "gz", "ndjson"]) {
  test(
    `refuses a line of 600 MiB in a .${ending} as soon as it is too long, and passes over it in little memory`,
    async () => {
      await using directory = await makeDirectory();
      const recording = directory.path(`r.${ending}`);
      await writeBomb(recording, header, entry(1));
      if (ending === "zst") assert.ok((await stat(recording)).size < 40_000);
      const lines = directory.path(`l.${ending}`);
      await writeBomb(lines, { n: 1 }, { n: 2 });
      for (const [path, what] of [
        [recording, "recording"],
        [lines, "lines"],
      ] as const) {
        const refused = await readBy(path, what, "refuse");
        assert.equal([refused.name, refused.line], ["RecordingError", 2], JSON.stringify(refused));
        assert.match(refused.message ?? "", /line 2: the line is longer than 16777216 bytes, the limit/);
        assert.ok(refused.peakBytes < mostBytes, `${what}, refused: ${refused.peakBytes / mebibyte} MiB`);
        const skipped = await readBy(path, what, "skip");
        assert.is(skipped.name, undefined, skipped.message ?? "");
        assert.is(skipped.read, what === "recording" ? 1 : 2);
        assert.is(skipped.told.filter((text) => text.includes("line 2: the line is longer than")).length, 1);
        assert.ok(skipped.peakBytes < mostBytes, `${what}, skipped: ${skipped.peakBytes / mebibyte} MiB`);
      }
    },
    { timeoutMs: 180_000 },
  );
}

test("a line that is too long counts for the checksums after it", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("r");
  await writeRecording(path, [header, entry(1), { ...entry(2), fields: ["payload", "x".repeat(700_000)] }, entry(3)]);
  const told: string[] = [];
  const recording = await openRecording(path, {
    skipInvalid: true,
    maxLineBytes: 100_000,
    onInvalid: ({ message }) => told.push(message),
  });
  assert.equal(
    (await linesOf(recording)).map(({ line }) => line),
    [2, 4],
  );
  assert.match(told[0] ?? "", /line 3: the line is longer than 100000 bytes/);
  assert.match(told[1] ?? "", /counts 3 entries, and there are 2/, "and not that the checksum is another");
  assert.is((await openRecording(path)).entries, 3);
  await rejects(openRecording(path, { maxLineBytes: 100_000 }), RecordingError, /line 3/);
  for (const limit of [0, 1.5, Number.NaN, 600_000_000]) {
    await rejects(openRecording(path, { maxLineBytes: limit }), ConfigError, /maxLineBytes/);
  }
});

test("refuses a zstd frame whose window takes more memory than it may, and says the limit", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("r.zst");
  const bytes = Buffer.from(`${JSON.stringify(header)}\n`.padEnd(80 * mebibyte, " "));
  await writeFile(path, zstdCompressSync(bytes, { params: { [constants.ZSTD_c_windowLog]: 27 } }));
  await rejects(openRecording(path), RecordingError, /window may take 33554432 bytes, the limit/);
});
