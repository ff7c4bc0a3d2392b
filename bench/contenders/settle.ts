/**
 * Runs the settlement scripts alone, with and without their fence: pending entries are settled, and nothing is read or
 * handled.
 */

import { Redis } from "ioredis";
import { encodeEntry } from "../../src/model/envelope.ts";
import type { Membership, Settlement } from "../../src/ports/store.ts";
import { Connection } from "../../src/redis/client/connection.ts";
import { Outbox, type SendOptions } from "../../src/redis/client/outbox.ts";
import type { ScriptArgs } from "../../src/redis/client/script-command.ts";
import { Keys } from "../../src/redis/keys.ts";
import { Namespace } from "../../src/redis/namespace.ts";
import type { Script } from "../../src/redis/script-source.ts";
import { Settlements } from "../../src/redis/store/settlements.ts";
import { Verbs } from "../../src/redis/store/verbs.ts";
import type { Backlog, Contender, Round, Sample } from "../contender.ts";
import { fill } from "../fill.ts";
import { baggageOf, orderOf, orders, routed, routedOf, traceparent } from "../order.ts";
import { unfenced } from "../unfenced.ts";

const membership: Membership = { component: "bench", member: "bench.m", partition: 0, channels: [orders.name] };
const keys = new Keys("bench");
const log = { debug: () => undefined, info: () => undefined, warn: console.warn, error: console.error };
/** Batch sizes of the settler. */
const batchSizes = { settle: 128, acknowledge: 512 } as const;
/** Number of batches on the wire, so that the server always has one to work on. */
const underWay = 3;

class UnfencedVerbs extends Verbs {
  override send(
    verb: string,
    failing: string,
    script: Script,
    names: readonly string[],
    args: ScriptArgs,
    options?: SendOptions,
  ): Promise<unknown> {
    return super.send(verb, failing, unfenced(script), names, args, options);
  }
}

/** Appends entries whose content does not matter: settling takes an id only. */
async function backlog({ url, count }: Backlog): Promise<void> {
  const client = new Redis(url);
  await fill(client, keys.stream(0, orders.name), count, () => ["payload", "{}"]);
  await client.quit();
}

/** Delivers the backlog to the member. */
async function deliver(client: Redis): Promise<readonly string[]> {
  const stream = keys.stream(0, orders.name);
  await client.zadd(keys.members(0, membership.component), Date.now(), membership.member);
  await client.xgroup("CREATE", stream, membership.component, "0");
  const ids: string[] = [];
  for (;;) {
    const reply = await client.xreadgroup(
      ...(["GROUP", membership.component, membership.member, "COUNT", 1_000, "STREAMS", stream, ">"] as const),
    );
    const [read] = (reply ?? []) as [stream: string, entries: [id: string, fields: string[]][]][];
    if (read === undefined) return ids;
    for (const [id] of read[1]) ids.push(id);
  }
}

function settlementOf(entryId: string, hasOutput: boolean, i: number): Settlement {
  const order = routedOf(orderOf(i));
  const carrier = { traceparent, tracestate: "", baggage: baggageOf(order) };
  const values = encodeEntry(`e-${i}`, 1_700_000_000_000, order.symbol, JSON.stringify(order), carrier, []);
  const output = { channel: routed, values };
  const delivery = { channel: orders.name, entryId };
  return { deliveries: [delivery], reads: [], writes: [], outputs: hasOutput ? [output] : [], redelivered: false };
}

async function perform(
  { url, count, meter }: Round,
  work: "settle" | "acknowledge",
  VerbsClass: typeof Verbs,
): Promise<Sample> {
  const client = new Redis(url, { protocol: 2 });
  const connection = new Connection({ url, log, silenceMs: 5_000, purpose: "bench", quietly: (run) => run() });
  await connection.ready();
  try {
    const namespace = await Namespace.open(connection, keys, 1, undefined);
    const verbs = new VerbsClass(connection, keys, new Outbox(connection));
    const context = { namespace, confirmation: undefined, onEvicted: () => undefined };
    const settlements = new Settlements(verbs, context, true);
    const ids = await deliver(client);
    if (ids.length !== count) throw new Error(`${ids.length} entries were delivered, not ${count}`);
    const all = ids.map((id, i) => settlementOf(id, work === "settle", i));
    let acked = 0;
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < count) {
        const batch = all.slice(next, next + batchSizes[work]);
        next += batch.length;
        for (const result of await settlements.settle(membership, batch)) {
          if (result.outcome !== "acked") throw new Error(`a settlement was not done: ${JSON.stringify(result)}`);
          acked++;
        }
      }
    };
    await meter.ready();
    meter.begin();
    await Promise.all(Array.from({ length: underWay }, lane));
    const sample = await meter.end(count);
    const [pending] = (await client.xpending(keys.stream(0, orders.name), membership.component)) as [number];
    const outputs = await client.xlen(keys.stream(0, routed.name));
    if (acked !== count || pending !== 0 || outputs !== (work === "settle" ? count : 0)) {
      throw new Error(`${acked} were settled, ${pending} stay pending, ${outputs} outputs are there`);
    }
    return sample;
  } finally {
    connection.close();
    client.disconnect();
  }
}

function settlingBy(VerbsClass: typeof Verbs): Contender {
  return {
    works: {
      settle: (round) => perform(round, "settle", VerbsClass),
      acknowledge: (round) => perform(round, "acknowledge", VerbsClass),
    },
    backlog,
  };
}

export const contender: Contender = settlingBy(Verbs);
export const unfencedContender: Contender = settlingBy(UnfencedVerbs);
