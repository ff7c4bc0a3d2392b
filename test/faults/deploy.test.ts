/** All three components are deployed anew under load, one process after the other: nothing is lost, nothing done twice, exit code 0. */

import * as assert from "uvu/assert";
import { clientOrders, exchangeOrders, executions, fills, reports, venueOrders } from "../../trading/domain/index.ts";
import { noPositions, openOf, readLedger } from "../../trading/pipeline/ledger.ts";
import { contradictionsOf, quantityFacts } from "../checker/books.ts";
import { checkHistory } from "../checker/check.ts";
import { collectHistory } from "../checker/collect.ts";
import type { Fact } from "../checker/history.ts";
import { open } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { fullOr } from "../support/full-length.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { openVenue } from "../trading/venue/test-venue.ts";

const mains = {
  algorithm: "consumers/algorithm/main.ts",
  "order-sender": "consumers/order-sender/main.ts",
  "order-manager": "producers/order-manager/main.ts",
} as const;
type Name = keyof typeof mains;
const names = Object.keys(mains) as readonly Name[];

/** Each client order is in an exchange order at least, each of those in a report, each report in an execution. */
const flows: readonly Fact[] = [
  { fact: "flow", component: "algorithm", from: clientOrders.name, to: exchangeOrders.name, least: 1, most: 1_000 },
  { fact: "flow", component: "order-sender", from: exchangeOrders.name, to: venueOrders.name },
  { fact: "flow", component: "order-sender", from: reports.name, to: fills.name, least: 0, most: 1 },
  { fact: "flow", component: "algorithm", from: fills.name, to: executions.name, least: 1, most: 1_000 },
  { fact: "flow", component: "order-manager", from: executions.name },
];

test(
  "conserves quantity while every component is replaced under load, and each process ends with 0 in time",
  async () => {
    await using o = await open();
    const { namespace } = o.backbone;
    await using traded = await openVenue({ latencyMs: 20, rejectRate: 0.1 });
    const env = {
      REDIS_URL: redisUrl(),
      NAMESPACE: namespace,
      PORT: "0",
      TAKEOVER_AFTER_MS: "1000",
      LOG_LEVEL: "info",
      VENUES: `simulated=${traded.venue.url}`,
    };
    await using stack = new AsyncDisposableStack();
    // Every Order Manager places the whole sample: the same orders again are the same orders.
    const start = (name: Name): StartedProcess => {
      const args = name === "order-manager" ? ["--orders", "trading/domain/sample/orders.ndjson"] : [];
      return stack.use(startProcess(mains[name], args, { env }));
    };
    const running = new Map(names.map((name) => [name, start(name)]));
    const executed = (): Promise<number> => o.length(executions);
    await eventually(async () => (await executed()) > 100, 30_000);

    for (let round = 0; round < fullOr(3, 1); round++) {
      for (const name of names) {
        const old = running.get(name) as StartedProcess;
        const next = start(name);
        await next.line('"joined"');
        const begun = performance.now();
        old.kill("SIGTERM");
        assert.equal(await old.ended, { code: 0, signal: null }, `${name}\n${old.lines.slice(-10).join("\n")}`);
        const tookMs = performance.now() - begun;
        assert.ok(tookMs < 9_000, `${name} took ${tookMs} ms to end`); // its drain may take ten seconds
        running.set(name, next);
      }
    }

    const ledgerOf = () => readLedger(o.backbone, noPositions);
    await eventually(async () => {
      const { clientOrders: orders } = await ledgerOf();
      if (orders.size < 2_400) return false;
      return [...orders.values()].every((account) => openOf(account) === 0);
    }, 60_000);
    for (const name of names) {
      const last = running.get(name) as StartedProcess;
      last.kill("SIGTERM");
      assert.equal(await last.ended, { code: 0, signal: null }, name);
    }

    const ledger = await ledgerOf();
    const recorded = [...flows, ...quantityFacts(ledger, traded.venue.totals())];
    const facts = await collectHistory({ client: o.client, keys: o.keys, recorded, drained: true });
    assert.equal([...checkHistory(facts), ...contradictionsOf(ledger)], []);
  },
  { timeoutMs: fullOr(240_000, 120_000) },
);
