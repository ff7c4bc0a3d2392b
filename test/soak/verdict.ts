/** The faults found at the end of a soak: in the books, the history, the records, and the processes. Empty for a clean soak. */

import type { Redis } from "ioredis";
import { openRedisBook } from "../../consumers/order-sender/index.ts";
import { type OrderRecord, orderManager, orderStore, stateOf } from "../../producers/order-manager/index.ts";
import type { Backbone } from "../../src/index.ts";
import { Keys } from "../../src/redis/keys.ts";
import { clientOrders, exchangeOrders, executions, fills, tradingPartitions } from "../../trading/domain/index.ts";
import { booksOf, findBreaches } from "../../trading/pipeline/conservation.ts";
import { type Ledger, openOf, readLedger } from "../../trading/pipeline/ledger.ts";
import { checkHistory } from "../checker/check.ts";
import { collectHistory } from "../checker/collect.ts";
import { mayBeLost } from "../checker/entry-order.ts";
import type { Fact, FactOf } from "../checker/history.ts";
import type { Feed } from "./feed.ts";

export interface Evidence {
  readonly backbone: Backbone;
  /** Of the server itself. */
  readonly redisUrl: string;
  readonly client: Redis;
  readonly feed: Feed;
  /** Entries that Redis itself has lost: they are no fault of Throughline. */
  readonly losses: readonly FactOf<"loss">[];
}

export interface Verdict {
  readonly breaches: readonly string[];
  readonly ledger: Ledger;
  readonly history: readonly Fact[];
  /** Confirmed orders that a killed Redis did not have any more. */
  readonly lostByRedis: number;
}

const recordsAtOnce = 500;
const slices = 100;
/** The channels of the pipeline. */
export const soakedChannels: readonly string[] = [clientOrders, exchangeOrders, fills, executions].map(
  ({ name }) => name,
);
const from = { "client-orders": "", "exchange-orders": "", fills: "", executions: "" };

/** A client order in one batch of many, an exchange order in a report at least, each report in an execution at least. */
const flows: readonly Fact[] = [
  { fact: "flow", component: "algorithm", from: clientOrders.name, to: exchangeOrders.name, least: 1, most: slices },
  { fact: "flow", component: "order-sender", from: exchangeOrders.name, to: fills.name, least: 1, most: slices },
  { fact: "flow", component: "algorithm", from: fills.name, to: executions.name, least: 1, most: 1_000 },
  { fact: "flow", component: orderManager, from: clientOrders.name },
  { fact: "flow", component: orderManager, from: executions.name },
];

/** Reads the whole log; nothing may be published or settled meanwhile. `drained`: nothing may be open either. */
export async function judge(evidence: Evidence, drained: boolean): Promise<Verdict> {
  const { backbone, client, feed, redisUrl, losses } = evidence;
  await using book = openRedisBook(redisUrl, backbone.namespace);
  const ledger = await readLedger(backbone, from);
  const ofBooks = findBreaches(ledger, booksOf(ledger, await book.totals()));
  const lostByRedis = new Set(
    [...feed.confirmed]
      .filter(([, entryId]) => mayBeLost({ loss: losses }, clientOrders.name, entryId))
      .map(([key]) => key),
  );
  const ofFeed = [...feed.confirmed.keys()].flatMap((key) => {
    if (ledger.clientOrders.has(key) !== lostByRedis.has(key)) return [];
    return lostByRedis.has(key)
      ? [`client order ${key} is in the log, and the files of a killed Redis did not have it`]
      : [`client order ${key} was confirmed and is not in the log`];
  });
  const ofRecords = [...(await findWrongRecords(backbone, ledger)), ...(await findDeadLetters(backbone))];

  const recorded = [...flows, ...feed.published, ...losses];
  const keys = new Keys(backbone.namespace);
  const history = await collectHistory({ client, keys, partitions: tradingPartitions, recorded, drained });
  const ofHistory = checkHistory(history).map(({ kind, text }) => `${kind}: ${text}`);
  return {
    breaches: [...ofBooks, ...ofFeed, ...ofRecords, ...ofHistory],
    ledger,
    history,
    lostByRedis: lostByRedis.size,
  };
}

/** The records that the Order Manager keeps for its clients must say what the log says. */
async function findWrongRecords(backbone: Backbone, { clientOrders: accounts }: Ledger): Promise<readonly string[]> {
  const records = backbone.view<OrderRecord>(orderManager, orderStore);
  const breaches: string[] = [];
  const keys = [...accounts.keys()];
  for (let first = 0; first < keys.length; first += recordsAtOnce) {
    const page = keys.slice(first, first + recordsAtOnce);
    const states = await Promise.all(page.map(async (key) => stateOf(await records.get(key))));
    for (const [i, key] of page.entries()) {
      const [state, account] = [states[i], accounts.get(key)];
      if (state === undefined) breaches.push(`the Order Manager has no record of order ${key}`);
      else if (account !== undefined && state.open !== openOf(account)) {
        breaches.push(`the Order Manager's record of order ${key} has ${state.open} open, the log ${openOf(account)}`);
      }
    }
  }
  return breaches;
}

async function findDeadLetters(backbone: Backbone): Promise<readonly string[]> {
  const breaches: string[] = [];
  for await (const { component, channel, entryId, code, error } of backbone.deadLetters().list({ limit: 20 })) {
    breaches.push(`${component} gave up ${channel} ${entryId}: ${code}: ${error}`);
  }
  return breaches;
}
