/** The faults found at the end of a soak: in the books, the history, the records, and the processes. Empty for a clean soak. */

import type { Redis } from "ioredis";
import { type OrderRecord, orderManager, orderStore, stateOf } from "../../producers/order-manager/index.ts";
import type { Backbone } from "../../src/index.ts";
import { Keys } from "../../src/redis/keys.ts";
import {
  clientOrders,
  exchangeOrders,
  executions,
  fills,
  reports,
  type VenueTotals,
  venueOrders,
} from "../../trading/domain/index.ts";
import { booksOf, findBreaches } from "../../trading/pipeline/conservation.ts";
import { channelNames, type Ledger, noPositions, openOf, readLedger } from "../../trading/pipeline/ledger.ts";
import { checkHistory } from "../checker/check.ts";
import { collectHistory } from "../checker/collect.ts";
import { mayBeLost } from "../checker/entry-order.ts";
import type { Fact, FactOf } from "../checker/history.ts";
import type { Feed } from "./feed.ts";

export interface Evidence {
  readonly backbone: Backbone;
  /** The venue's own book. */
  readonly venue: VenueTotals;
  readonly client: Redis;
  readonly partitions: number;
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
/** More than any order has executions or fills here. */
const ofAnOrder = 100_000;
/** The channels of the pipeline. */
export const soakedChannels: readonly string[] = channelNames;

/**
 * A client order in one batch of many, and each exchange order on its way to the venue. A client's cancel becomes cancels or is refused, by the Algorithm
 * or by the Order Sender; a report becomes a fill unless it only says that the order is there; each fill is an execution at least. An order is named as
 * a cause by all that comes of it.
 */
const flows: readonly Fact[] = [
  {
    fact: "flow",
    component: "algorithm",
    from: clientOrders.name,
    to: exchangeOrders.name,
    least: 0,
    most: 2 * slices,
  },
  { fact: "flow", component: "order-sender", from: exchangeOrders.name, to: venueOrders.name, least: 0, most: 1 },
  { fact: "flow", component: "algorithm", from: clientOrders.name, to: executions.name, least: 0, most: ofAnOrder },
  { fact: "flow", component: "order-sender", from: exchangeOrders.name, to: fills.name, least: 0, most: ofAnOrder },
  { fact: "flow", component: "order-sender", from: venueOrders.name },
  { fact: "flow", component: "order-sender", from: reports.name, to: fills.name, least: 0, most: 1 },
  { fact: "flow", component: "algorithm", from: fills.name, to: executions.name, least: 1, most: 1_000 },
  { fact: "flow", component: orderManager, from: clientOrders.name },
  { fact: "flow", component: orderManager, from: executions.name },
];

/** Reads the whole log; nothing may be published or settled meanwhile. `drained`: nothing may be open either. */
export async function judge(evidence: Evidence, drained: boolean): Promise<Verdict> {
  const { backbone, client, partitions, feed, venue, losses } = evidence;
  const ledger = await readLedger(backbone, noPositions);
  const ofBooks = findBreaches(ledger, booksOf(ledger, venue));
  // A loss tells of a channel from the earliest of its partitions on, and so of some entries that another partition still has.
  const missing = [...feed.confirmed].filter(([key]) => !ledger.clientOrders.has(key));
  const lostByRedis = missing.filter(([, entryId]) => mayBeLost({ loss: losses }, clientOrders.name, entryId)).length;
  const ofFeed = missing
    .filter(([, entryId]) => !mayBeLost({ loss: losses }, clientOrders.name, entryId))
    .map(([key]) => `client order ${key} was confirmed and is not in the log`);
  const ofRecords = [...(await findWrongRecords(backbone, ledger)), ...(await findDeadLetters(backbone))];

  const recorded = [...flows, ...feed.published, ...losses];
  const keys = new Keys(backbone.namespace);
  const history = await collectHistory({ client, keys, partitions, recorded, drained });
  const ofHistory = checkHistory(history).map(({ kind, text }) => `${kind}: ${text}`);
  return {
    breaches: [...ofBooks, ...ofFeed, ...ofRecords, ...ofHistory],
    ledger,
    history,
    lostByRedis,
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
