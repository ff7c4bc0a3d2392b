/** The examples of docs/reference/wire-format.md write entries that are events here. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { openObserver } from "../../src/composition/observer.ts";
import type { EntryJson } from "../../src/inspect/entries/entry-json.ts";
import { entryJson } from "../../src/inspect/entries/entry-json.ts";
import { partitionOf } from "../../src/publish/placement.ts";
import { ClientOrder } from "../../trading/domain/index.ts";
import { answers, pythonWith } from "../support/python.ts";
import { skip, test } from "../support/test.ts";
import { HandWritten } from "./hand-written.ts";

const run = promisify(execFile);

/** Runs an example; gives what it printed, and the entry that it has written. */
async function example(
  log: HandWritten,
  command: string,
  file: string,
): Promise<{ printed: string; written: EntryJson }> {
  const env = { ...process.env, REDIS_URL: log.url, NAMESPACE: log.namespace };
  const { stdout } = await run(command, [file], { env });
  await using observer = openObserver(log);
  for await (const entry of observer.read("client-orders")) return { printed: stdout, written: entryJson(entry) };
  throw new Error(`${file} has written nothing:\n${stdout}`);
}

async function isClientOrder(payload: unknown): Promise<boolean> {
  return (await ClientOrder["~standard"].validate(payload)).issues === undefined;
}

test("the redis-cli example writes a client order", async () => {
  if (!answers("redis-cli", "--version")) skip("there is no redis-cli");
  await using log = new HandWritten();
  const { printed, written } = await example(log, "sh", "docs/examples/append.sh");
  assert.ok("payload" in written && (await isClientOrder(written.payload)));
  assert.is(written.id, `client-orders/${written.entryId}`);
  assert.is(written.time, written.appendedAt);
  assert.match(printed, `${written.entryId}\npayload\n`);
});

test("the Python example writes a client order with its carrier", async () => {
  const python = pythonWith("redis");
  await using log = new HandWritten();
  const { printed, written } = await example(log, python, "docs/examples/append.py");
  assert.ok("payload" in written && (await isClientOrder(written.payload)));
  assert.equal(written.baggage, { "user.id": "ann", "client.order_id": "py-1" });
  assert.match(printed, `read ${written.entryId} ${written.id} py-1 []`);
});

test("keys lie in the partitions that the document says", () => {
  assert.equal(
    ["AAPL", "MSFT", "é"].map((key) => partitionOf(key, 16)),
    [11, 3, 1],
  );
});
