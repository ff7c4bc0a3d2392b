/** The three components as processes: killed at any moment and started again, they conserve the quantity of every order. */

import * as assert from "uvu/assert";
import { type OrderRecord, orderManager, orderStore, stateOf } from "../../producers/order-manager/index.ts";
import {
  clientOrders,
  type ExchangeReport,
  exchangeOrders,
  executions,
  fills,
  orderKey,
  quantityOf,
  readOrders,
  tradingPartitions,
  type VenueTotals,
} from "../../trading/domain/index.ts";
import { type Opened, open } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { sum } from "../trading/orders-of.ts";
import { startVenueProcess } from "../trading/venue/venue-process.ts";

const sample = "trading/domain/sample/orders.ndjson";
const mains = {
  algorithm: "consumers/algorithm/main.ts",
  "order-sender": "consumers/order-sender/main.ts",
  "order-manager": "producers/order-manager/main.ts",
} as const;
type Name = keyof typeof mains;
const names = Object.keys(mains) as readonly Name[];

/** Whichever processes run by now; dispose kills them. */
class Desk implements AsyncDisposable {
  readonly #opened: Opened;
  readonly #running = new Map<Name, StartedProcess>();
  readonly #env: Readonly<Record<string, string>>;

  constructor(opened: Opened, env: Readonly<Record<string, string>> = {}) {
    this.#opened = opened;
    const { namespace } = opened.backbone;
    this.#env = {
      REDIS_URL: redisUrl(),
      NAMESPACE: namespace,
      PORT: "0",
      TAKEOVER_AFTER_MS: "500",
      LOG_LEVEL: "info",
      ...env,
    };
  }

  /** The Order Manager places the whole sample at every start: the same orders again are the same orders. */
  start(name: Name): StartedProcess {
    const started = startProcess(mains[name], name === "order-manager" ? ["--orders", sample] : [], { env: this.#env });
    this.#running.set(name, started);
    return started;
  }

  async kill(name: Name): Promise<void> {
    const running = this.#running.get(name);
    running?.kill("SIGKILL");
    assert.equal(await running?.ended, { code: null, signal: "SIGKILL" });
  }

  /** Resolves when so many entries are on the channel. */
  async reach(channel: { readonly name: string }, count: number): Promise<void> {
    await eventually(async () => (await this.#opened.length(channel)) >= count, 90_000);
  }

  /** Sends the signal to all, and gives back how each has ended. */
  async stop(signal: NodeJS.Signals): Promise<readonly unknown[]> {
    for (const running of this.#running.values()) running.kill(signal);
    return Promise.all([...this.#running.values()].map((running) => running.ended));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running.values()) await running[Symbol.asyncDispose]();
  }
}

/** Ordered quantity by order. */
async function ordered(): Promise<ReadonlyMap<string, number>> {
  const quantities = new Map<string, number>();
  for await (const line of readOrders(sample)) {
    if ("order" in line) quantities.set(orderKey(line.order.userId, line.order.id), line.order.quantity);
  }
  return quantities;
}

async function assertConserved(opened: Opened, venue: () => Promise<VenueTotals>): Promise<void> {
  const wanted = await ordered();
  const total = sum([...wanted.values()]);
  const records = opened.backbone.view<OrderRecord>(orderManager, orderStore);
  await eventually(async () => {
    for (const key of wanted.keys()) if (stateOf(await records.get(key))?.open !== 0) return false;
    return true;
  }, 60_000);

  const placed = (await opened.entries(clientOrders)).map(({ payload }) => payload);
  assert.is(placed.length, wanted.size);
  const executed = new Map<string, number>();
  const executionIds = new Set<string>();
  for (const { payload } of await opened.entries(executions)) {
    const key = orderKey(payload.userId, payload.clientOrderId);
    executed.set(key, (executed.get(key) ?? 0) + quantityOf(payload));
    executionIds.add(payload.id);
  }
  assert.equal([...executed].toSorted(), [...wanted].toSorted());
  assert.is(executionIds.size, (await opened.entries(executions)).length);
  assert.is(
    sum((await opened.entries(exchangeOrders)).map(({ payload }) => ("quantity" in payload ? payload.quantity : 0))),
    total,
  );
  const reports = (await opened.entries(fills)).map(({ payload }) => payload);
  const of = (kind: ExchangeReport["kind"]): number =>
    sum(reports.map((report) => (report.kind === kind ? quantityOf(report) : 0)));
  const [filled, rejected, cancelled] = [of("filled"), of("rejected"), of("cancelled")];
  assert.is(filled + rejected + cancelled, total);
  assert.ok(rejected > 0);

  const totals = await venue();
  assert.equal(
    [totals.ordered, totals.filled, totals.rejected, totals.cancelled],
    [total, filled, rejected, cancelled],
  );
  for (const { channels } of (await opened.backbone.status()).components) {
    assert.ok(channels.every(({ deadLetters }) => deadLetters === 0));
  }
}

test(
  "conserve every order's quantity when each is killed in turn, the venue too, and end with 0 when asked to",
  async () => {
    await using opened = await open({ partitions: tradingPartitions });
    await using venue = await startVenueProcess(["--latency-ms", "40", "--reject-rate", "0.1"]);
    await using desk = new Desk(opened, { VENUES: `simulated=${venue.url}` });
    for (const name of names) desk.start(name);
    await desk.reach(clientOrders, 500);
    for (const name of names) {
      const before = await opened.length(executions);
      await desk.reach(executions, before + 100);
      await desk.kill(name);
      await desk.start(name).line('"joined"');
    }
    const before = await opened.length(executions);
    await desk.reach(executions, before + 100);
    await venue.kill();
    await venue.restart();
    await assertConserved(opened, () => venue.totals());
    assert.equal(await desk.stop("SIGTERM"), Array(3).fill({ code: 0, signal: null }));
  },
  { timeoutMs: 240_000 },
);

test(
  "conserve every order's quantity when all are killed at once, and when there are two of each",
  async () => {
    await using opened = await open({ partitions: tradingPartitions });
    await using venue = await startVenueProcess(["--latency-ms", "40", "--reject-rate", "0.1"]);
    await using first = new Desk(opened, { VENUES: `simulated=${venue.url}` });
    await using second = new Desk(opened, { VENUES: `simulated=${venue.url}` });
    for (const name of names) first.start(name);
    await first.reach(executions, 200);
    for (const name of names) second.start(name);
    await first.reach(executions, 600);
    await Promise.all([...names.map((name) => first.kill(name)), venue.kill()]);
    await venue.restart();
    await assertConserved(opened, () => venue.totals());
  },
  { timeoutMs: 240_000 },
);

test("end with 0 at a signal while Redis is away, and say that it is away", async () => {
  for (const name of names) {
    await using process = startProcess(mains[name], [], { env: { REDIS_URL: "redis://127.0.0.1:1", PORT: "0" } });
    await process.line("Redis is away");
    process.kill("SIGTERM");
    assert.equal(await process.ended, { code: 0, signal: null }, name);
  }
});

test(
  "end with 2 and one line on options that cannot work",
  async () => {
    const wrong: readonly (readonly [Name, readonly string[], RegExp])[] = [
      ["algorithm", ["--namespace", "NO!"], /^algorithm: "NO!" is no namespace/],
      ["algorithm", ["--no-such-option"], /^error: unknown option '--no-such-option'/],
      ["order-sender", ["surplus"], /^error: too many arguments/],
      ["algorithm", ["--max-slice-quantity", "0"], /^error: option '--max-slice-quantity <n>'/],
      ["order-sender", ["--redis", "http://x"], /^order-sender: the Redis URL begins with "http:"/],
      ["order-sender", ["--venues", "ws://x"], /^order-sender: "ws:\/\/x" names no venue/],
      ["order-manager", ["--port", "70000"], /^error: option '--port <port>'/],
      ["order-manager", ["--format", "ndjson"], /^order-manager: --format and --symbol describe a file/],
      [
        "order-manager",
        ["--orders", "/nowhere.ndjson"],
        /^order-manager: there is no file of orders at \/nowhere.ndjson/,
      ],
    ];
    for (const [name, args, line] of wrong) {
      await using opened = await open({ partitions: tradingPartitions });
      const env = { REDIS_URL: redisUrl(), NAMESPACE: opened.backbone.namespace, PORT: "0", LOG_LEVEL: "error" };
      await using process = startProcess(mains[name], args, { env });
      assert.equal(await process.ended, { code: 2, signal: null }, args.join(" "));
      assert.match(process.lines.join("\n"), line);
      assert.is(process.lines.length, 1, process.lines.join("\n"));
    }
  },
  { timeoutMs: 90_000 },
);
