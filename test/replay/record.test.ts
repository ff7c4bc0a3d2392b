/** Recording writes every entry of the range once, byte for byte, also over interruptions, and leaves a file that can be continued. */

import { spawnSync } from "node:child_process";
import { mkdir, open, readFile, stat, truncate, writeFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { openObserver } from "../../src/composition/observer.ts";
import { ConfigError, RecordingError } from "../../src/index.ts";
import { openRecording, type RecordOptions, type RecordReport, record } from "../../src/replay.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { skip, test } from "../support/test.ts";
import { entryIds, jsonLines, linesOf, makeDirectory } from "./recording-files.ts";

async function recordAll(
  log: HandWritten,
  channels: readonly string[],
  path: string,
  options: RecordOptions = {},
): Promise<RecordReport> {
  await using observer = openObserver(log);
  return await record(observer, channels, path, options);
}

/** Entries `<from>-0` to `<to>-0`, with payloads large enough to make several segments of some thousands. */
async function fill(log: HandWritten, channel: string, from: number, to: number): Promise<void> {
  const pipeline = log.client.pipeline();
  for (let n = from; n <= to; n++) {
    pipeline.xadd(log.stream(channel), `${n}-0`, "payload", JSON.stringify({ n, text: "x".repeat(400) }));
  }
  await pipeline.exec();
}

function numbered(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}-0`);
}

test("records every field byte for byte, including invalid UTF-8 and entries that are no events", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await log.append("orders", { id: "e-1", payload: { text: "naïve \u2028 \ufffd 🙂 \u0000" } }, "1-0");
  const odd = [
    Buffer.from("payload"),
    Buffer.from([0x22, 0xff, 0xfe, 0x0a, 0x22]),
    Buffer.from([0xc3]),
    Buffer.alloc(0),
  ];
  await log.client.xadd(log.stream("orders"), "2-0", ...odd);
  await log.appendRaw(log.stream("orders"), { what: "ever", "": "" }, "3-0");
  for (const name of ["r.ndjson", "r.ndjson.gz", "r.ndjson.zst"]) {
    const path = directory.path(name);
    const report = await recordAll(log, ["orders"], path);
    assert.equal(report, { path, entries: 3, settlements: 0, isComplete: true, gaps: [] });
    const lines = await linesOf(await openRecording(path));
    const stored = await log.client.xrangeBuffer(log.stream("orders"), "-", "+");
    assert.is(lines.length, 3);
    for (const [i, line] of lines.entries()) {
      assert.ok(line.kind === "entry");
      if (line.kind !== "entry") continue;
      const recorded = line.bytes ?? line.entry.fields.map((field) => Buffer.from(field));
      assert.equal(recorded, stored[i]?.[1]);
      assert.is(line.bytes !== undefined, i === 1);
    }
  }
  const [header] = await jsonLines(directory.path("r.ndjson"));
  assert.is(header?.["namespace"], log.namespace);
  assert.equal([header?.["version"], header?.["to"], header?.["channels"]], [1, "3-0", ["orders"]]);
});

test("records several channels and partitions in the order of their ids", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await log.describe(["orders", "fills"], {}, 3);
  const ids = Array.from({ length: 300 }, (_, i) => `${1_000 + i}-0`);
  for (const [i, id] of ids.entries()) await log.append(i % 2 === 0 ? "orders" : "fills", { id }, id, (i * 7) % 3);
  await recordAll(log, ["orders", "fills"], directory.path("r"));
  assert.equal(await entryIds(directory.path("r")), ids);
});

test("records a range, by ids and by times", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await fill(log, "orders", 1_000, 1_100);
  const ranges: readonly (readonly [RecordOptions, number, number])[] = [
    [{ from: "1010", to: "1020" }, 1_010, 1_020],
    [{ from: "(1010-0", to: "1020-0" }, 1_011, 1_020],
    [{ to: "1001" }, 1_000, 1_001],
    [{ from: "1099" }, 1_099, 1_100],
    // Never beyond what is there when it begins.
    [{ to: "9999999999999" }, 1_000, 1_100],
  ];
  for (const [i, [range, first, last]] of ranges.entries()) {
    await recordAll(log, ["orders"], directory.path(`${i}`), range);
    assert.equal(await entryIds(directory.path(`${i}`)), numbered(first, last));
  }
  assert.is((await jsonLines(directory.path("4")))[0]?.["to"], "1100-0");
});

test("records only entries that have all the attributes asked for", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await log.append("orders", { id: "a", payload: { symbol: "AAPL" }, baggage: "user.id=u-1" }, "1-0");
  await log.append("orders", { id: "b", payload: { symbol: "AAPL" }, baggage: "user.id=u-2" }, "2-0");
  await log.append("orders", { id: "c", payload: { symbol: "MSFT" }, baggage: "user.id=u-1" }, "3-0");
  await recordAll(log, ["orders"], directory.path("r"), { where: ["payload.symbol=AAPL", "user.id=u-1"] });
  assert.equal(await entryIds(directory.path("r")), ["1-0"]);
});

test("records a component's settlements after the entries that they name", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await log.describe(["orders"], { algorithm: "orders" });
  for (const id of ["5-0", "5-7", "6-0"]) await log.append("orders", { id }, id);
  const settled = `{${log.namespace}:0}:settled:algorithm`;
  // Of the same millisecond as the second entry, and with a lower number.
  await log.client.xadd(settled, "5-1", "calls", "orders 5-7");
  await log.client.xadd(settled, "6-0", "calls", "orders 5-0,6-0");
  const path = directory.path("r");
  const report = await recordAll(log, ["orders"], path, { components: ["algorithm"], to: "6-0" });
  assert.is(report.settlements, 2);
  const lines = (await linesOf(await openRecording(path))).map((line) =>
    line.kind === "entry" ? line.entry.entryId : `settled ${line.settlement.calls.flatMap(({ entryIds }) => entryIds)}`,
  );
  assert.equal(lines, ["5-0", "5-7", "settled 5-7", "6-0", "settled 5-0,6-0"]);
  // The settlement of the last entry is later than the entry; a recording without a requested end includes it.
  await log.client.xadd(settled, "9-0", "calls", "orders 6-0");
  assert.is((await recordAll(log, ["orders"], directory.path("all"), { components: ["algorithm"] })).settlements, 3);
});

test("an interrupted recording is partial, and goes on without a missing or repeated entry, wherever it was cut", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await fill(log, "orders", 1, 6_000);
  for (const name of ["r.ndjson", "r.ndjson.gz", "r.ndjson.zst"]) {
    const whole = directory.path(name);
    await recordAll(log, ["orders"], whole);
    const bytes = await readFile(whole);
    const path = directory.path(`cut-${name}`);
    // Beyond the header: that alone is no recording yet.
    for (const share of [0.01, 0.3, 0.5, 0.77, 0.9999]) {
      await writeFile(path, bytes.subarray(0, Math.floor(share * bytes.length)));
      const report = await recordAll(log, ["orders"], path, { continue: true });
      assert.ok(report.isComplete);
      assert.is(report.entries, 6_000);
      const recording = await openRecording(path);
      const ids: string[] = [];
      for await (const line of recording.lines()) if (line.kind === "entry") ids.push(line.entry.entryId);
      assert.equal(ids, numbered(1, 6_000));
    }
  }
});

test("a recording that was stopped can be continued, and one that is complete is left alone", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await fill(log, "orders", 1, 3_000);
  const path = directory.path("r.gz");
  const stop = new AbortController();
  const options = { signal: stop.signal, onProgress: () => stop.abort() };
  const first = await recordAll(log, ["orders"], path, options);
  assert.ok(!first.isComplete && first.entries > 0 && first.entries < 3_000);
  await rejects(openRecording(path), RecordingError, /partial/);
  // Beyond the end of the range, which was fixed when it began.
  await fill(log, "orders", 3_001, 3_010);
  assert.is((await recordAll(log, ["orders"], path, { continue: true })).entries, 3_000);
  assert.equal(await entryIds(path), numbered(1, 3_000));
  const before = await readFile(path);
  const again = await recordAll(log, ["orders"], path, { continue: true });
  assert.equal([again.isComplete, again.entries], [true, 3_000]);
  assert.ok(before.equals(await readFile(path)));
});

test("names the streams whose entries may have been trimmed while a recording was interrupted", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await fill(log, "orders", 1, 3_000);
  const path = directory.path("r");
  const stop = new AbortController();
  const { entries } = await recordAll(log, ["orders"], path, { signal: stop.signal, onProgress: () => stop.abort() });
  await log.client.xtrim(log.stream("orders"), "MINID", `${entries + 1}-0`);
  const report = await recordAll(log, ["orders"], path, { continue: true });
  assert.equal(report.gaps, [{ channel: "orders", partition: 0, afterId: `${entries}-0` }]);
});

test("leaves a file unchanged that exists, is no recording, or is damaged", async () => {
  await using log = new HandWritten();
  await using other = new HandWritten();
  await using directory = await makeDirectory();
  await fill(log, "orders", 1, 3_000);
  await fill(log, "fills", 1, 2);
  await fill(other, "orders", 1, 2);
  const path = directory.path("r");
  await recordAll(log, ["orders"], path);
  await rejects(recordAll(log, ["orders"], path), RecordingError, /there already/);
  await truncate(path, 1_200_000); // after the first checkpoint
  const cut = await readFile(path);
  await rejects(recordAll(log, ["fills"], path, { continue: true }), RecordingError, /channels orders, not fills/);
  await rejects(recordAll(log, ["orders"], path, { continue: true, where: ["a=b"] }), RecordingError, /where/);
  await rejects(recordAll(other, ["orders"], path, { continue: true }), RecordingError, /namespace/);
  assert.ok(cut.equals(await readFile(path)));
  const damaged = Buffer.from(cut);
  damaged.write("###", 100_000);
  await writeFile(path, damaged);
  await rejects(recordAll(log, ["orders"], path, { continue: true }), RecordingError);
  assert.ok(damaged.equals(await readFile(path)));
  await writeFile(path, "an order book");
  await rejects(recordAll(log, ["orders"], path, { continue: true }), RecordingError, /no recording/);
  assert.is(await readFile(path, "utf8"), "an order book");
});

test("refuses channels and components that do not exist, and makes no file", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await log.describe(["orders"]);
  const path = directory.path("r");
  await rejects(recordAll(log, ["ordesr"], path), ConfigError, /no channel "ordesr"/);
  await rejects(recordAll(log, ["orders"], path, { components: ["algo"] }), ConfigError, /no component "algo"/);
  await rejects(recordAll(log, ["orders"], path, { where: ["o-1"] }), ConfigError, /no attribute/);
  await rejects(recordAll(log, ["orders"], path, { follow: true, to: "5" }), ConfigError, /exclude/);
  await rejects(record({}, ["orders"], path), ConfigError);
  await rejects(stat(path), Error, /ENOENT/);
  await rejects(recordAll(log, ["orders"], directory.path("none/r")), RecordingError, /cannot be written/);
  // A channel of which the namespace knows, and that has nothing yet.
  assert.is((await recordAll(log, ["orders"], path)).entries, 0);
  assert.is((await openRecording(path)).entries, 0);
});

test("follows the log over lost connections until it is told to end, and is complete then", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await fill(log, "orders", 1, 10);
  const path = directory.path("r.zst");
  const stop = new AbortController();
  let recorded = 0;
  const recording = recordAll(log, ["orders", "fills"], path, {
    follow: true,
    signal: stop.signal,
    onProgress: ({ entries }) => {
      recorded = entries;
    },
  });
  await eventually(() => recorded === 10);
  for (let n = 11; n <= 200; n++) {
    await log.append(n % 3 === 0 ? "fills" : "orders", { id: `${n}` }, `${n}-0`);
    if (n % 40 !== 0) continue;
    const clients = String(await log.client.client("LIST")).split("\n");
    for (const line of clients.filter((one) => one.includes(`follow:${log.namespace}`))) {
      await log.client.client("KILL", "ID", /id=(\d+)/.exec(line)?.[1] ?? "");
    }
  }
  await eventually(() => recorded === 200);
  stop.abort();
  assert.equal((await recording).isComplete, true);
  const lines = await linesOf(await openRecording(path));
  assert.equal(
    lines.map((line) => line.kind === "entry" && line.entry.entryId),
    numbered(1, 200),
  );
});

test("does not write on when something else writes to the file", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await fill(log, "orders", 1, 10);
  const path = directory.path("r");
  const stop = new AbortController();
  let recorded = 0;
  const recording = recordAll(log, ["orders"], path, {
    follow: true,
    signal: stop.signal,
    onProgress: ({ entries }) => {
      recorded = entries;
    },
  });
  await eventually(() => recorded === 10);
  await using file = await open(path, "a");
  await file.write("x");
  stop.abort();
  await rejects(recording, RecordingError, /something else writes/);
});

test("a full disk is reported, and the recording goes on when there is room", async () => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) skip("mounting a small file system takes root");
  await using directory = await makeDirectory();
  const mounted = directory.path("small");
  await mkdir(mounted);
  const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", mounted], { encoding: "utf8" });
  if (mount.status !== 0) skip(`a small file system cannot be mounted here: ${mount.stderr.trim()}`);
  try {
    await using log = new HandWritten();
    await fill(log, "orders", 1, 6_000);
    const path = directory.path("small/r.ndjson");
    const error = await rejects(recordAll(log, ["orders"], path), RecordingError, /disk is full/);
    assert.is(error.file, path);
    assert.is((error.cause as NodeJS.ErrnoException).code, "ENOSPC");
    spawnSync("mount", ["-o", "remount,size=16m", mounted]);
    const report = await recordAll(log, ["orders"], path, { continue: true });
    assert.equal([report.entries, report.isComplete], [6_000, true]);
    assert.equal(await entryIds(path), numbered(1, 6_000));
  } finally {
    spawnSync("umount", [mounted]);
  }
});
