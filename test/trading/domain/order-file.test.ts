/** Files of orders: both formats, told apart by their content; what is no order is named with its line and skipped. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { ConfigError } from "../../../src/index.ts";
import { type OrderFileOptions, type OrderLine, readOrders } from "../../../trading/domain/index.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";

async function linesOf(
  name: string,
  content: string | Buffer,
  options?: OrderFileOptions,
): Promise<readonly OrderLine[]> {
  const directory = await mkdtemp(join(tmpdir(), "orders-"));
  try {
    const path = join(directory, name);
    await writeFile(path, content);
    return await all(readOrders(path, options));
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function all(lines: AsyncIterable<OrderLine>): Promise<readonly OrderLine[]> {
  const read: OrderLine[] = [];
  for await (const line of lines) read.push(line);
  return read;
}

/** `[line, order id or reason]` of each. */
function brief(lines: readonly OrderLine[]): readonly (readonly [number, string])[] {
  return lines.map((line) => {
    if ("order" in line) return [line.line, line.order.id];
    return [line.line, "cancel" in line ? `cancel ${line.cancel.id} of ${line.cancel.orderId}` : line.skipped];
  });
}

const good = '{"id":"1","userId":"ann","symbol":"AAPL","side":"buy","price":"577.5","quantity":100}';

test("reads NDJSON with any line ends, a byte order mark and blank lines", async () => {
  const lines = await linesOf("orders.ndjson", `\uFEFF${good}\r\n\n${good.replace('"1"', '"2"')}`);
  assert.equal(brief(lines), [
    [1, "1"],
    [3, "2"],
  ]);
});

test("reads cancels among the orders, and skips those that lack something", async () => {
  const cancel = '{"kind":"cancel","id":"c-1","userId":"ann","symbol":"AAPL","orderId":"1"}';
  const lines = await linesOf("orders.ndjson", [good, cancel, cancel.replace('"symbol":"AAPL",', "")].join("\n"));
  assert.equal(brief(lines), [
    [1, "1"],
    [2, "cancel c-1 of 1"],
    [3, "symbol is missing"],
  ]);
});

test("skips lines that are no orders, with line and reason, and reads on", async () => {
  const lines = await linesOf(
    "orders.txt",
    ["{no json", good.replace("100", "0"), good, "[]", "\x00\xff", good].join("\n"),
  );
  assert.equal(brief(lines), [
    [1, "the line is no JSON"],
    [2, "quantity must be at least 1"],
    [3, "1"],
    [4, "must be an object"],
    [5, "the line is no JSON"],
    [6, "1"],
  ]);
});

test("skips a line that is too long, without keeping it in memory", async () => {
  const before = process.memoryUsage.rss();
  const lines = await linesOf(
    "orders.ndjson",
    Buffer.concat([Buffer.alloc(60e6, "x"), Buffer.from(`\n${good}\n${"y".repeat(70_000)}`)]),
  );
  assert.equal(brief(lines), [
    [1, "the line is longer than 65536 characters"],
    [2, "1"],
    [3, "the line is longer than 65536 characters"],
  ]);
  // The file's own buffer is 60 MB of it.
  assert.ok(process.memoryUsage.rss() - before < 200e6);
});

const submission = "34200.004241176,1,16113575,18,5853300,1";

test("reads a submission of a LOBSTER file as an order of the symbol in the file's name", async () => {
  const [line] = await linesOf("AAPL_2012-06-21_message.csv", `${submission}\n`);
  assert.equal(line, {
    line: 1,
    order: {
      id: "16113575",
      userId: "desk-8",
      symbol: "AAPL",
      side: "buy",
      price: "585.33",
      quantity: 18,
      orderType: "limit",
    },
  });
});

test("reads a deletion of a LOBSTER file as the cancel of its order, by the same desk", async () => {
  const [line] = await linesOf("AAPL_2012-06-21_message.csv", `${submission.replace(",1,", ",3,")}\n`);
  assert.equal(line, {
    line: 1,
    cancel: { kind: "cancel", id: "deletion-16113575", userId: "desk-8", symbol: "AAPL", orderId: "16113575" },
  });
});

test("skips the other events of a LOBSTER file and lines that are no events, with reasons", async () => {
  const types = ["2", "4", "5", "6", "7", "9"].map((type) => submission.replace(",1,", `,${type},`));
  const broken = [
    "1,2,3",
    '"',
    submission.replace("18", "-18"),
    submission.replace("5853300", "x"),
    submission.replace(/1$/, "0"),
  ];
  const lines = await linesOf(
    "aapl-open.csv",
    [...types, ...broken, submission.replace("18", "0"), submission].join("\n"),
  );
  assert.equal(brief(lines), [
    [1, "type 2 is a partial cancellation, not an order or the cancel of one"],
    [2, "type 4 is an execution of a visible order, not an order or the cancel of one"],
    [3, "type 5 is an execution of a hidden order, not an order or the cancel of one"],
    [4, "type 6 is a cross trade, not an order or the cancel of one"],
    [5, "type 7 is a trading halt, not an order or the cancel of one"],
    [6, '"9" is no LOBSTER event type'],
    [7, "the line has 3 columns; a LOBSTER line has 6"],
    [8, "the line is no CSV"],
    [9, '"-18" is no size'],
    [10, '"x" is no price'],
    [11, '"0" is no direction: it must be 1 or -1'],
    [12, "quantity must be at least 1"],
    [13, "16113575"],
  ]);
});

test("tells the format by the first line that has one, and takes the format and symbol that it is told", async () => {
  assert.equal(brief(await linesOf("AAPL.txt", `a header\n${submission}`)), [
    [1, "the line has 1 columns; a LOBSTER line has 6"],
    [2, "16113575"],
  ]);
  assert.equal(brief(await linesOf("AAPL.csv", `a header\n${good}`)), [
    [1, "the line is no JSON"],
    [2, "1"],
  ]);
  assert.equal(brief(await linesOf("x.ndjson", submission, { format: "ndjson" })), [[1, "the line is no JSON"]]);
  const [told] = await linesOf("2012.csv", submission, { symbol: "MSFT" });
  assert.is(told && "order" in told && told.order.symbol, "MSFT");
});

test("reads an empty file as no orders", async () => {
  assert.equal(await linesOf("2012.csv", ""), []);
});

test("says which file cannot be read, and which names no symbol", async () => {
  await rejects(all(readOrders("/nowhere/orders.ndjson")), ConfigError, /"\/nowhere\/orders\.ndjson".*ENOENT/);
  await rejects(all(readOrders(tmpdir())), ConfigError, /EISDIR/);
  await rejects(linesOf("2012.csv", submission), ConfigError, /does not begin with a symbol/);
});
