/** Throughline with several members of one component, a process each: what they cost, and what order and latency are left where they meet on few keys. */

import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { type Backbone, entryTime } from "../../../src/index.ts";
import { inChunks } from "../../bulk.ts";
import type { Contender, Round, Sample } from "../../contender.ts";
import type { MemberWork } from "../../member.ts";
import { startMember, tell, whenShared } from "../../member-process.ts";
import { numberOf, type Order, orderOf, orders, routed } from "../../order.ts";
import { percentile } from "../../statistics.ts";
import { connect } from "./common.ts";

/** The member processes. They serve all rounds, so that their code is compiled, and end with this process. */
const members: ChildProcess[] = [];

/** How often the publisher catches up with its rate, ms. */
const tickMs = 5;
/** Share of a round at its beginning that does not count for latencies. */
const warmUpShare = 0.1;
/** Of contention. */
const keys = 5;

interface Together {
  readonly work: MemberWork;
  readonly eventOf: (i: number) => Order;
  /** True where everything is published before the first handler begins. */
  readonly isBacklog?: boolean;
  /** Reads what the members have left in the log. */
  readonly look?: (backbone: Backbone, count: number) => Promise<Sample>;
}

/** Runs a round's members until they have settled all that is published. */
async function together(
  { url, count, shape, meter }: Round,
  { work, eventOf, isBacklog = false, look = async () => ({}) }: Together,
): Promise<Sample> {
  const { members: wanted = 1, partitions = 1, perSecond } = shape;
  while (members.length < wanted) members.push(startMember());
  const used = members.slice(0, wanted);
  await using backbone = await connect(url, partitions);
  await Promise.all(used.map((member) => tell(member, { task: "connect", url, partitions })));
  await Promise.all(used.map((member) => tell(member, { task: "run", work })));
  await whenShared(backbone, { members: wanted, partitions });
  if (isBacklog)
    await inChunks(count, (first, end) =>
      Promise.all(Array.from({ length: end - first }, (_, i) => backbone.publish(orders, eventOf(first + i)))),
    );
  await meter.ready();
  meter.begin();
  await Promise.all(used.map((member) => tell(member, { task: "measure" })));
  if (!isBacklog) await publish(backbone, count, perSecond, eventOf);
  while (await isBusy(backbone)) await delay(20);
  const { clientMicros: _, ...measured } = await meter.end(count);
  const ends = await Promise.all(used.map((member) => tell(member, { task: "stop" })));
  const handled = ends.map((end) => ("handled" in end ? end.handled : 0));
  const cpuMicros = ends.reduce((sum, end) => sum + ("cpuMicros" in end ? end.cpuMicros : 0), 0);
  const runs = handled.reduce((sum, one) => sum + one, 0);
  if (runs < count) throw new Error(`${runs} of ${count} events were handled`);
  return {
    ...measured,
    ...(await look(backbone, count)),
    runs: runs / count,
    clientMicros: cpuMicros / count,
    leastShare: (Math.min(...handled) * wanted) / runs,
  };
}

/** As many as asked for, at a rate, or all at once. */
async function publish(
  backbone: Backbone,
  count: number,
  perSecond: number | undefined,
  eventOf: (i: number) => Order,
): Promise<void> {
  const begunAt = performance.now();
  const published: Promise<unknown>[] = [];
  while (published.length < count) {
    const due = perSecond === undefined ? count : ((performance.now() - begunAt) * perSecond) / 1_000;
    while (published.length < Math.min(due, count)) published.push(backbone.publish(orders, eventOf(published.length)));
    await delay(tickMs);
  }
  await Promise.all(published);
}

async function isBusy(backbone: Backbone): Promise<boolean> {
  const { components } = await backbone.status();
  return components.some(({ channels }) => channels.some(({ lagEntries, pending }) => lagEntries + pending > 0));
}

/** From each event's entry to its output's; and how many outputs stand behind one of a later event of their key. */
async function lookAtOutputs(backbone: Backbone, count: number): Promise<Sample> {
  const appendedAt = new Float64Array(count);
  for await (const { entryId, payload } of backbone.read(orders)) {
    if (payload !== undefined) appendedAt[numberOf(payload)] = entryTime(entryId);
  }
  const latencies: number[] = [];
  const lastOf = new Map<string, number>();
  let inverted = 0;
  let outputs = 0;
  for await (const { entryId, payload } of backbone.read(routed)) {
    if (payload === undefined) throw new Error(`output ${entryId} cannot be read`);
    const i = numberOf(payload);
    outputs++;
    if (i >= count * warmUpShare) latencies.push(entryTime(entryId) - (appendedAt[i] as number));
    const last = lastOf.get(payload.symbol) ?? -1;
    if (i < last) inverted++;
    else lastOf.set(payload.symbol, i);
  }
  if (outputs !== count) throw new Error(`${outputs} outputs of ${count} events`);
  latencies.sort((a, b) => a - b);
  return { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99), inversions: inverted / count };
}

export const membering: Contender["works"] = {
  members: (round) => together(round, { work: "consume", eventOf: orderOf, isBacklog: true }),
  membersWaiting: (round) => together(round, { work: "wait", eventOf: orderOf }),
  contention: (round) =>
    together(round, {
      work: "transform",
      eventOf: (i) => ({ ...orderOf(i), symbol: `K${i % keys}` }),
      look: lookAtOutputs,
    }),
};
