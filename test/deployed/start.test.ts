/** `npm start` as a person meets it: a process, its output, its report and its exit code. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { WebSocket } from "ws";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { tradingPartitions } from "../../trading/domain/index.ts";
import type { Summary } from "../../trading/pipeline/summary.ts";
import { eventually } from "../support/eventually.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const script = resolve("trading/pipeline/start.ts");
/** Each test runs the whole pipeline, some four times, and a run may take ten times as long beside others. */
const timeoutMs = 180_000;

/** A working directory of its own, as the private Redis and its data are kept there. */
class Workplace implements AsyncDisposable {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  start(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): StartedProcess {
    const report = ["--report", "report.json"];
    return startProcess(script, [...args, ...report], { cwd: this.path, env: { REDIS_URL: undefined, ...env } });
  }

  /** Runs to the end, expects the exit code, and gives the report. */
  async run(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): Promise<Summary> {
    await using run = this.start(args, env);
    const { code } = await run.ended;
    assert.is(code, 0, `${args.join(" ")} ended with ${code}:\n${run.lines.join("\n")}`);
    return this.report();
  }

  async report(): Promise<Summary> {
    return JSON.parse(await readFile(join(this.path, "report.json"), "utf8")) as Summary;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

async function workplace(files: Readonly<Record<string, string>> = {}): Promise<Workplace> {
  const path = await mkdtemp(join(tmpdir(), "throughline-start-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return new Workplace(path);
}

/** Orders of 1 to `count` shares, at three prices. */
function orderLines(count: number): string {
  const lines = Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      id: `o-${i}`,
      userId: `u-${i % 4}`,
      symbol: "AAPL",
      side: "buy",
      price: `5.${i % 3}1`,
      quantity: i + 1,
    }),
  );
  return `${lines.join("\n")}\n`;
}

/** Entries of the channel in all partitions. */
async function executionsOf(client: Redis): Promise<number> {
  const streams = Array.from({ length: tradingPartitions }, (_, partition) => `{trading:${partition}}:executions`);
  const lengths = await Promise.all(streams.map((stream) => client.xlen(stream)));
  return lengths.reduce<number>((sum, length) => sum + Number(length), 0);
}

test(
  "runs the sample, shows one order's journey and a summary, and ends with 0",
  async () => {
    await using place = await workplace();
    await using run = place.start([]);
    assert.equal(await run.ended, { code: 0, signal: null });
    const report = await place.report();
    assert.is(report.orders.count, 2_400);
    assert.equal([report.orders.open, report.breaches, report.deadLetters], [0, [], 0]);
    const { executed, cancelled } = report.books.exchange;
    // What rests of a market order is cancelled.
    assert.is(executed + cancelled, report.orders.ordered);
    assert.ok(cancelled > 0 && cancelled < executed / 20);
    const shown = run.stdout();
    for (const text of ["algorithm settled", "order-sender settled", "order-manager settled"])
      assert.match(shown, text);
    assert.match(shown, /Pace: .* orders\/s/);
    assert.match(shown, /p50 \d+ ms, p99 \d+ ms/);
    assert.match(shown, "Quantity is conserved");
  },
  { timeoutMs },
);

test(
  "takes a file that was run before as known, orders nothing again, and starts empty when asked to",
  async () => {
    await using place = await workplace({ "orders.ndjson": orderLines(30) });
    const args = ["--orders", "orders.ndjson"];
    const first = await place.run(args);
    const second = await place.run(args);
    const fresh = await place.run([...args, "--fresh"]);
    assert.equal(
      [first, second, fresh].map((report) => report.file?.known),
      [0, 30, 0],
    );
    assert.equal(
      [first, second, fresh].map((report) => report.entries["client-orders"].fresh),
      [30, 0, 30],
    );
    for (const { orders, books } of [first, second, fresh]) {
      assert.equal([orders.executed, orders.open, books.exchange.executed], [465, 0, 465]);
    }
  },
  { timeoutMs },
);

test(
  "reports lines that are no orders with number and reason, and runs the rest",
  async () => {
    const lines = orderLines(3).trim().split("\n");
    const other = JSON.stringify({ ...JSON.parse(lines[0] ?? ""), quantity: 7 });
    await using place = await workplace({
      "orders.ndjson": [lines[0], "not json", lines[1], lines[0], '{"id":"x"}', lines[2], other].join("\n"),
    });
    await using run = place.start(["--orders", "orders.ndjson"]);
    await run.line("Line 2 is skipped: the line is no JSON");
    await run.line(/Line 5 is skipped: userId is missing/);
    await run.line('Line 7 is skipped: id "o-0" is another order of u-0: buy 1 AAPL at 5.01, limit.');
    assert.is((await run.ended).code, 0);
    const { file, orders } = await place.report();
    assert.equal([file?.orders, file?.repeated, file?.skipped], [4, 1, 3]);
    assert.equal(
      file?.skippedLines.map((skipped) => skipped.line),
      [2, 5, 7],
    );
    assert.equal([orders.count, orders.executed], [3, 6]);
  },
  { timeoutMs },
);

test(
  "reads LOBSTER files, and accounts for what the exchange rejects",
  async () => {
    const lines = ["34200.1,1,11,100,5850000,1", "34200.2,3,11,100,5850000,1", "34200.3,1,12,50,5851000,-1"];
    await using place = await workplace({ "AAPL_2012-06-21_message.csv": lines.join("\n") });
    const args = ["--orders", "AAPL_2012-06-21_message.csv", "--format", "lobster"];
    const { file, orders, books, cancels } = await place.run([...args, "--reject-rate", "1"]);
    // The deletion of the first order is its cancel, and comes after it or is told that there is nothing to cancel any more.
    assert.equal([file?.orders, cancels, file?.skipped, orders.ordered, orders.open], [2, 1, 0, 150, 0]);
    assert.ok(orders.rejected > 0);
    assert.equal(books.exchange, books.clientOrders);
  },
  { timeoutMs },
);

test(
  "kill -9 in the middle, and the next run finishes what the first one began",
  async () => {
    await using place = await workplace();
    {
      await using run = place.start([]);
      const url = /redis:\S+(?=,)/.exec(await run.line("Redis: "))?.[0] ?? "";
      const client = new Redis(url);
      try {
        await eventually(async () => (await executionsOf(client)) > 100);
      } finally {
        client.disconnect();
      }
      run.kill("SIGKILL");
      await run.ended;
    }
    const { orders, breaches, file } = await place.run([]);
    assert.equal([orders.count, orders.open, breaches], [2_400, 0, []]);
    assert.ok((file?.known ?? 0) > 0);
  },
  { timeoutMs },
);

test(
  "serves orders over WebSocket until SIGTERM, and accounts for them",
  async () => {
    await using place = await workplace();
    await using run = place.start(["--serve", "--port", "0", "--console-port", "0"]);
    const url = /ws:\S+/.exec(await run.line("Orders are taken at"))?.[0];
    const page = /http:\S+/.exec(await run.line("The console is at"))?.[0] ?? "";
    assert.match(await (await fetch(page)).text(), "<title>Throughline</title>");
    const replies = new Map<string, unknown>();
    const socket = new WebSocket(`${url}/?user=u-1`);
    const executed = new Promise<void>((done, fail) => {
      let quantity = 0;
      socket.on("error", fail);
      socket.on("open", () => {
        const order = { id: "o-1", symbol: "AAPL", side: "buy", price: "5.01", quantity: 1_500 };
        socket.send(JSON.stringify({ type: "order", order }));
      });
      socket.on("message", (text) => {
        const reply = JSON.parse(String(text)) as { type: string; quantity?: number };
        replies.set(reply.type, reply);
        quantity += reply.quantity ?? 0;
        if (quantity === 1_500) done();
      });
    });
    await executed;
    assert.equal([...replies.keys()], ["accepted", "execution"]);
    run.kill("SIGTERM");
    assert.equal(await run.ended, { code: 0, signal: null });
    socket.terminate();
    const { orders, file } = await place.report();
    assert.equal([orders.count, orders.executed, file], [1, 1_500, undefined]);
  },
  { timeoutMs },
);

test(
  "refuses to share the directory of a run that is under way, and starts beside it where it is told to keep its data",
  async () => {
    await using place = await workplace({ "orders.ndjson": orderLines(5) });
    await using serving = place.start(["--serve", "--port", "0"]);
    await serving.line("Orders are taken at");
    const args = ["--orders", "orders.ndjson"];
    await using refused = place.start(args);
    assert.is((await refused.ended).code, 2);
    const advice = /npm start -- (--data) DIRECTORY/.exec(refused.stderr())?.[1] ?? "";
    await place.run([...args, advice, "elsewhere"]);
    assert.is((await place.run([...args, advice, "elsewhere"])).file?.known, 5);
    serving.kill("SIGTERM");
    assert.equal(await serving.ended, { code: 0, signal: null });
  },
  { timeoutMs },
);

test(
  "uses the Redis that REDIS_URL names, and starts empty there without touching what is in it",
  async () => {
    await using place = await workplace({ "orders.ndjson": orderLines(5) });
    const args = ["--orders", "orders.ndjson", "--namespace", freshNamespace()];
    await place.run(args, { REDIS_URL: redisUrl() });
    assert.is((await place.run([...args, "--fresh"], { REDIS_URL: redisUrl() })).file?.known, 0);
    assert.is((await place.run(args, { REDIS_URL: redisUrl() })).file?.known, 5);
  },
  { timeoutMs },
);

test(
  "--cluster runs it on a private cluster of three primaries, and goes on there in the next run",
  async () => {
    await using place = await workplace({ "orders.ndjson": orderLines(40) });
    const args = ["--orders", "orders.ndjson", "--cluster"];
    const first = await place.run(args);
    assert.is(first.ok, true);
    assert.equal([first.file?.known, first.file?.orders], [0, 40]);
    assert.is((await place.run(args)).file?.known, 40);
  },
  { timeoutMs },
);

test(
  "waits for a Redis that is away, goes on when it is there, and can be ended meanwhile",
  async () => {
    await using place = await workplace({ "orders.ndjson": orderLines(5) });
    await using redis = await startPrivateRedis();
    await redis.kill("SIGTERM");
    const env = { REDIS_URL: redis.url };
    {
      await using run = place.start([], env);
      await run.line("Redis is away");
      run.kill("SIGINT");
      assert.is((await run.ended).code, 1);
    }
    await using run = place.start(["--orders", "orders.ndjson"], env);
    await run.line("Redis is away");
    await redis.restart();
    assert.is((await run.ended).code, 0);
    assert.is((await place.report()).orders.executed, 15);
  },
  { timeoutMs },
);

test(
  "says in one line what is wrong with how it was called, and ends with 2",
  async () => {
    await using place = await workplace({ "orders.csv": "34200.1,1,11,100,5850000,1\n" });
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [["--orders", "missing.ndjson"], /no file of orders at missing\.ndjson/],
      [["--orders", "."], /is a directory/],
      [["--no-such-option"], /unknown option/],
      [["surplus"], /too many arguments/],
      [["--port", "x"], /port/],
      [["--data", "orders.csv"], /orders\.csv cannot be made for a Redis to keep its data in \(EEXIST\)/],
      [["--reject-rate", "2"], /share, 0 to 1/],
      [["--orders", "orders.csv", "--format", "xml"], /ndjson, lobster/],
      [["--format", "lobster"], /name it with --orders/],
      [["--namespace", "Not One"], /"Not One" is no namespace/],
    ];
    for (const [args, message] of wrong) {
      await using run = place.start(args);
      const { code } = await run.ended;
      const lines = run
        .stderr()
        .trim()
        .split("\n")
        .filter((line) => !line.startsWith("Redis: "));
      assert.is(code, 2, `${args.join(" ")}:\n${run.lines.join("\n")}`);
      assert.is(lines.length, 1, run.stderr());
      assert.match(lines[0] ?? "", message);
    }
  },
  { timeoutMs },
);
