/** Throughline with several members, a process each, that make an output of each event of a few keys: order and latency, read from the log. */

import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { type Backbone, connectBackbone, entryTime } from "../../../src/index.ts";
import { nextAnswer } from "../../child.ts";
import type { Contender, Sample } from "../../contender.ts";
import type { MemberAnswer, MemberTask } from "../../member.ts";
import { numberOf, orderOf, orders, routed } from "../../order.ts";
import { percentile } from "../../statistics.ts";
import { log, namespace } from "./common.ts";

const keys = 5;
/** How often the publisher catches up with its rate, ms. */
const tickMs = 5;
/** Share of a round at its beginning that does not count. */
const warmUpShare = 0.1;

async function tell(member: ChildProcess, task: MemberTask): Promise<MemberAnswer> {
  member.send(task);
  const answer = await nextAnswer<MemberAnswer>(member, "a member");
  if ("error" in answer) throw new Error(`a member: ${answer.error}`);
  return answer;
}

/** As many as asked for, at a rate, or all at once. */
async function publish(backbone: Backbone, count: number, perSecond: number | undefined): Promise<void> {
  const begunAt = performance.now();
  const published: Promise<unknown>[] = [];
  while (published.length < count) {
    const due = perSecond === undefined ? count : ((performance.now() - begunAt) * perSecond) / 1_000;
    while (published.length < Math.min(due, count)) {
      const i = published.length;
      published.push(backbone.publish(orders, { ...orderOf(i), symbol: `K${i % keys}` }));
    }
    await delay(tickMs);
  }
  await Promise.all(published);
}

/** From each event's entry to its output's; and how many outputs stand behind one of a later event of their key. */
async function measure(backbone: Backbone, count: number): Promise<Sample> {
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

export const contending: Contender["works"] = {
  contention: async ({ url, count, shape, meter }) => {
    const { members: wanted = 1, partitions = 1, perSecond } = shape;
    const members = Array.from({ length: wanted }, () =>
      fork(new URL("../../member.ts", import.meta.url), [], { execArgv: process.execArgv }),
    );
    const backbone = await connectBackbone({ url, namespace, partitions, log });
    await Promise.all(members.map((member) => tell(member, { task: "connect", url, partitions })));
    await Promise.all(members.map((member) => tell(member, { task: "run", isRouting: true })));
    await delay(settleMs);
    await meter.ready();
    meter.begin();
    await publish(backbone, count, perSecond);
    while (await isBusy(backbone)) await delay(100);
    const ends = await Promise.all(members.map((member) => tell(member, { task: "stop" })));
    const sample = await measure(backbone, count);
    const handled = ends.reduce((sum, end) => sum + ("handled" in end ? end.handled : 0), 0);
    const cpuMicros = ends.reduce((sum, end) => sum + ("cpuMicros" in end ? end.cpuMicros : 0), 0);
    await backbone[Symbol.asyncDispose]();
    for (const member of members) member.disconnect();
    return { ...sample, runs: handled / count, clientMicros: cpuMicros / count };
  },
};

/** Until members that started together have shared the partitions among them, ms. */
const settleMs = 7_000;

async function isBusy(backbone: Backbone): Promise<boolean> {
  const { components } = await backbone.status();
  return components.some(({ channels }) => channels.some(({ lagEntries, pending }) => lagEntries + pending > 0));
}
