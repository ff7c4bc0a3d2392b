/** `collectHistory`: adds the final state of Redis to the facts that a load generator has recorded. */

import type { Redis } from "ioredis";
import { compareIds } from "../../src/model/entry-ids.ts";
import { decodeEntry } from "../../src/model/envelope.ts";
import type { Keys } from "../../src/redis/keys.ts";
import { toRecord } from "../support/reply-record.ts";
import type { Fact, FactOf } from "./history.ts";

export interface HistorySource {
  /** A plain client that bypasses any proxy. */
  readonly client: Redis;
  readonly keys: Keys;
  /** Default 1. */
  readonly partitions?: number;
  /** The facts that the load generator knows: flows, publishes, losses, handled events. */
  readonly recorded: readonly Fact[];
  /** True when the load has ended and every component is idle. */
  readonly drained: boolean;
}

/** Most entries in one reply. */
const page = 1_000;

/**
 * The whole history, for `checkHistory` or, a line each, for a file. Looks at the channels of the recorded publishes and flows. Nothing
 * may be published or settled meanwhile.
 */
export async function collectHistory(source: HistorySource): Promise<readonly Fact[]> {
  const { recorded, partitions = 1 } = source;
  const flows = recorded.filter((fact) => fact.fact === "flow");
  const channels = new Set<string>();
  for (const { from, to } of flows) for (const channel of to === undefined ? [from] : [from, to]) channels.add(channel);
  for (const fact of recorded) if (fact.fact === "publish") channels.add(fact.channel);

  const observed: (readonly Fact[])[] = []; // not spread into a call: a long log has more than its stack holds
  const consumed = new Map(flows.map(({ component, from }) => [`${component} ${from}`, { component, channel: from }]));
  const counters = new Map(
    flows.flatMap(({ component, counter }) =>
      counter === undefined ? [] : [[`${component} ${counter}`, { component, counter }]],
    ),
  );
  for (let partition = 0; partition < partitions; partition++) {
    const entries = new Map<string, readonly FactOf<"entry">[]>();
    for (const channel of channels) {
      const ofChannel = await entriesOf(source, partition, channel);
      entries.set(channel, ofChannel);
      observed.push(ofChannel, await trimmedOf(source, partition, channel));
    }
    for (const { component, channel } of consumed.values()) {
      observed.push(await settlementsOf(source, partition, component, channel, entries.get(channel) ?? []));
    }
    for (const { component, counter } of counters.values()) {
      observed.push(await countersOf(source, partition, component, counter));
    }
  }
  return [...recorded, ...observed.flat(), { fact: "end", drained: source.drained }];
}

/** The history as NDJSON. */
export function writeFacts(facts: Iterable<Fact>): string {
  let text = "";
  for (const fact of facts) text += `${JSON.stringify(fact)}\n`;
  return text;
}

async function entriesOf(
  { client, keys }: HistorySource,
  partition: number,
  channel: string,
): Promise<readonly FactOf<"entry">[]> {
  const entries: FactOf<"entry">[] = [];
  for await (const [entryId, fields] of rowsOf(client, keys.stream(partition, channel))) {
    entries.push({ fact: "entry", channel, partition, entryId, ...identityOf(channel, entryId, fields) });
  }
  return entries;
}

/** The identity of an entry that cannot be read is `<channel>/<entry id>`, as for the components. */
function identityOf(
  channel: string,
  entryId: string,
  fields: readonly string[],
): { id: string; key: string; causes: string[] } {
  try {
    const { id, key, causes } = decodeEntry({ channel, entryId, fields });
    return { id, key, causes: causes.map((cause) => cause.id) };
  } catch {
    return { id: `${channel}/${entryId}`, key: "", causes: [] };
  }
}

async function trimmedOf(
  { client, keys }: HistorySource,
  partition: number,
  channel: string,
): Promise<readonly FactOf<"trimmed">[]> {
  const count = Number((await client.hget(keys.trimmed(partition), channel)) ?? 0);
  if (count === 0) return [];
  const stream = keys.stream(partition, channel);
  const [first] = await client.xrange(stream, "-", "+", "COUNT", 1);
  const facts = toRecord((await client.call("XINFO", "STREAM", stream)) as unknown[]);
  const upTo = first === undefined ? String(facts["last-generated-id"]) : idBefore(first[0]);
  return [{ fact: "trimmed", channel, partition, upTo }];
}

async function settlementsOf(
  { client, keys }: HistorySource,
  partition: number,
  component: string,
  channel: string,
  entries: readonly FactOf<"entry">[],
): Promise<readonly FactOf<"settlement">[]> {
  const row = keys.owner(partition, component);
  const [at, open] = await client.hmget(row, `at:${channel}`, `open:${channel}`);
  const parked = await client.zrange(keys.parked(partition, channel, component), "0", "-1");
  const pending = new Set([...(open ?? "").split(" ").map((id) => id.replace("!", "")), ...parked]);
  const stateOf = (entryId: string): "pending" | "unread" | "acked" => {
    if (pending.has(entryId)) return "pending";
    return compareIds(entryId, at ?? "0-0") > 0 ? "unread" : "acked";
  };
  const settlements: FactOf<"settlement">[] = entries.map(({ entryId, id }) => ({
    fact: "settlement",
    component,
    channel,
    partition,
    entryId,
    id,
    state: stateOf(entryId),
  }));
  for await (const [, fields] of rowsOf(client, keys.dead(partition, channel, component))) {
    const at = fields.lastIndexOf("dead-entry"); // of the obituary, which comes last
    const entryId = fields[at + 1] ?? "";
    const { id } = identityOf(channel, entryId, fields);
    settlements.push({ fact: "settlement", component, channel, partition, entryId, id, state: "deadLettered" });
  }
  return settlements;
}

async function countersOf(
  { client, keys }: HistorySource,
  partition: number,
  component: string,
  counter: string,
): Promise<readonly FactOf<"counter">[]> {
  const values = await client.hgetall(keys.state(partition, component, counter));
  return Object.values(values).map((text) => ({
    fact: "counter",
    component,
    counter,
    value: Number(text.slice(text.indexOf(" ") + 1)),
  }));
}

async function* rowsOf(client: Redis, stream: string): AsyncGenerator<[id: string, fields: string[]]> {
  for (let from = "-"; ; ) {
    const rows = await client.xrange(stream, from, "+", "COUNT", page);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < page) return;
    from = `(${last[0]}`;
  }
}

/** The greatest entry id below this one. */
function idBefore(id: string): string {
  const [ms = "0", sequence = "0"] = id.split("-");
  return BigInt(sequence) > 0n ? `${ms}-${BigInt(sequence) - 1n}` : `${BigInt(ms) - 1n}-${(1n << 64n) - 1n}`;
}
