/** Importing files of lines, one event each: validated, reported by line when invalid, paced, and continued. */

import { writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import { ConfigError, PublishError, RecordingError } from "../../src/index.ts";
import { importEntries, type LineParser, ndjsonLine } from "../../src/replay.ts";
import {
  type ClientCancel,
  type ClientOrder,
  clientCancelEventId,
  clientOrders,
  lobsterLine,
} from "../../trading/domain/index.ts";
import { open, type Thing, things } from "../support/backbone.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { type Directory, makeDirectory } from "./recording-files.ts";

const orders = things("orders");
const things1 = ndjsonLine() as LineParser<Thing>;

async function lines(directory: Directory, texts: readonly string[], name = "lines.ndjson"): Promise<string> {
  await writeFile(directory.path(name), `${texts.join("\n")}\n`);
  return directory.path(name);
}

test("publishes lines of JSON through the channel's schema, with their times and ids of their own", async () => {
  await using directory = await makeDirectory();
  const payloads = ['{"n":1,"key":"a","time":"2026-11-23T09:30:00.500Z"}', '{"n":2,"time":1763890200600}'];
  const path = directory.path("lines.ndjson.gz");
  await writeFile(path, gzipSync(`\ufeff${payloads[0]}\r\n\r\n${payloads[1]}`));
  await using target = await open();
  const report = await importEntries(target.backbone, orders, path, things1, { speed: "max" });
  assert.equal(report, { entries: 2, line: 3, isComplete: true, invalid: 0, left: 0 });
  const entries = await target.entries(orders);
  assert.equal(
    entries.map(({ payload, fields }) => [payload, fields["time"], fields["key"]]),
    [
      [{ n: 1, key: "a" }, String(Date.parse("2026-11-23T09:30:00.500Z")), "a"],
      [{ n: 2 }, "1763890200600", ""],
    ],
  );
  await importEntries(target.backbone, orders, path, things1, { speed: "max" });
  const ids = (await target.entries(orders)).map(({ fields }) => fields["id"]);
  assert.equal(new Set(ids).size, 2); // so that a channel with a dedupe window takes them once
});

test("leaves fields out that are asked to be, once the time is taken", () => {
  const line = ndjsonLine("meta.at", ["meta.at", "meta.from", "note", "none.such", "list.0"]);
  assert.equal(line('{"n":1,"note":"x","meta":{"at":5,"from":"b","kept":1},"list":[1]}'), {
    payload: { n: 1, meta: { kept: 1 }, list: [1] },
    at: 5,
    time: 5,
  });
  assert.equal(line('"text"'), { payload: "text", at: undefined });
  assert.equal(ndjsonLine("time", ["time"])('{"n":1,"time":7}'), { payload: { n: 1 }, at: 7, time: 7 });
});

test("imports nothing of a file with a line that is wrong, and names the line", async () => {
  await using directory = await makeDirectory();
  await using target = await open();
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['{"n":', /no JSON/],
    ['{"n":"two"}', /refuses the payload/],
    [`{"n":2,"key":"${"x".repeat(2_000)}"}`, /more than 1000/],
  ];
  const small = things("orders", { maxPayloadBytes: 1_000 });
  for (const [text, reason] of wrong) {
    const path = await lines(directory, ['{"n":1}', text, '{"n":3}']);
    const error = await rejects(
      importEntries(target.backbone, small, path, things1, { speed: "max" }),
      RecordingError,
      reason,
    );
    assert.is(error.line, 2);
    assert.is(await target.client.xlen(target.stream(orders)), 0);
  }
  const untimed = await lines(directory, ['{"n":1,"time":5}', '{"n":2,"time":"soon"}']);
  const error = await rejects(importEntries(target.backbone, orders, untimed, things1), RecordingError, /no time/);
  assert.is(error.line, 2);
  assert.is(await target.client.xlen(target.stream(orders)), 0);
});

test("leaves out lines that are wrong when asked to, and counts and names them", async () => {
  await using directory = await makeDirectory();
  await using target = await open();
  const path = await lines(directory, ['{"n":1}', "{", '{"n":3}', '{"n":"four"}', '{"n":5}']);
  const told: string[] = [];
  const report = await importEntries(target.backbone, orders, path, things1, {
    speed: "max",
    skipInvalid: true,
    onInvalid: ({ message }) => told.push(message),
  });
  assert.equal([report.entries, report.invalid], [3, 2]);
  assert.match(told[0] ?? "", `${path}, line 2: the line is no JSON`);
  assert.match(told[1] ?? "", `${path}, line 4: channel "orders" refuses the payload: n: `);
  assert.equal(
    (await target.entries(orders)).map(({ payload }) => payload.n),
    [1, 3, 5],
  );
});

test("an import goes on from the line where an earlier one ended", async () => {
  await using directory = await makeDirectory();
  await using target = await open();
  const path = await lines(
    directory,
    Array.from({ length: 5_000 }, (_, i) => `{"n":${i + 1}}`),
  );
  const stop = new AbortController();
  const first = await importEntries(target.backbone, orders, path, things1, {
    speed: "max",
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  assert.not.ok(first.isComplete);
  await importEntries(target.backbone, orders, path, things1, { speed: "max", fromLine: first.line + 1 });
  assert.equal(
    (await target.entries(orders)).map(({ payload }) => payload.n),
    Array.from({ length: 5_000 }, (_, i) => i + 1),
  );
});

test("an import ends with the line whose event Redis refuses", async () => {
  await using directory = await makeDirectory();
  await using target = await open();
  const capped = things("orders", { retention: { hardCap: 2, onFull: "reject" } });
  const path = await lines(directory, ['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}']);
  await rejects(
    importEntries(target.backbone, capped, path, things1, { speed: "max" }),
    PublishError,
    /line 3: .*full/,
  );
});

test("imports LOBSTER submissions and deletions as client orders and cancels with their times, and leaves out other lines", async () => {
  await using directory = await makeDirectory();
  const path = await lines(
    directory,
    [
      "34200.004241176,1,16113575,18,5853300,1",
      "34200.025551909,4,16120456,18,5859100,-1",
      "34200.201743512,1,16120480,18,5859100,-1",
      "34200.3,1,16120481,none,5859100,-1",
      "34200.4,3,16120480,18,5859100,-1",
    ],
    "AAPL_2012-06-21_34200000_57600000_message_1.csv",
  );
  await using target = await open();
  await rejects(
    importEntries(target.backbone, clientOrders, path, lobsterLine(path)),
    RecordingError,
    /line 4.*no size/,
  );
  const report = await importEntries(target.backbone, clientOrders, path, lobsterLine(path), { skipInvalid: true });
  assert.equal([report.entries, report.left, report.invalid], [3, 1, 1]);
  const [first, second, third] = await target.entries(clientOrders);
  const placed = first?.payload as ClientOrder;
  assert.equal([placed.symbol, placed.price, placed.quantity], ["AAPL", "585.33", 18]);
  const cancel = third?.payload as ClientCancel;
  assert.equal([cancel.kind, cancel.orderId, third?.fields["id"]], ["cancel", "16120480", clientCancelEventId(cancel)]);
  assert.is(first?.fields["time"], String(Date.parse("2012-06-21") + 34_200_004));
  const apart = Number.parseInt(second?.id ?? "", 10) - Number.parseInt(first?.id ?? "", 10);
  // 197, less what the first one came too late.
  assert.ok(apart >= 100, `${apart} ms`);
  await rejects(
    Promise.resolve().then(() => lobsterLine("12.csv")),
    ConfigError,
    /symbol/,
  );
});
