/**
 * `npm run bench:takeover`: how long events wait where a member is killed, and where all members are deployed one after the other. Three members of a
 * component share eight partitions under a steady load; what counts is an event's time from its entry to its output's, by the server's clock. Exit codes: 0;
 * 1 when a figure is far from what is aimed at.
 */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { entryTime } from "../src/index.ts";
import { startPrivateRedis } from "../src/local-redis/private-server.ts";
import { partitionOf } from "../src/publish/placement.ts";
import { positiveNumber } from "../src/service/option-parsers.ts";
import { eventually } from "../test/support/eventually.ts";
import { connect } from "./contenders/throughline/common.ts";
import { ownersOf, startMember, tell, whenShared } from "./member-process.ts";
import { numberOf, orderOf, orders, routed } from "./order.ts";
import { percentile } from "./statistics.ts";

const { kills, deploys, rate } = new Command("npm run bench:takeover --")
  .option("--kills <count>", "members that are killed, one after the other", positiveNumber, 6)
  .option("--deploys <count>", "times that all members are deployed", positiveNumber, 4)
  .option("--rate <count>", "events a second", positiveNumber, 800)
  .parse()
  .opts<{ kills: number; deploys: number; rate: number }>();

const partitions = 8;
const membersAtOnce = 3;
const takeoverAfterMs = 2_000;
const tickMs = 5;
const aims = { takeoverMs: takeoverAfterMs + 500, handoffMs: 300 };
/** Loads of other programs make single waits longer; a figure beyond this many aims is a defect. */
const tolerance = 4;

/** What was done to the members, and the partitions that have another owner since. */
interface Step {
  readonly kind: "kill" | "deploy";
  readonly from: number;
  readonly to: number;
  readonly moved: readonly number[];
}

await using server = await startPrivateRedis({ say: console.error });
await using backbone = await connect(server.url, partitions);

async function join(): Promise<ChildProcess> {
  const member = startMember();
  await tell(member, { task: "connect", url: server.url, partitions });
  await tell(member, { task: "run", work: "transform", takeoverAfterMs });
  return member;
}

const isShared = (): Promise<void> => whenShared(backbone, { members: membersAtOnce, partitions });

async function stop(member: ChildProcess): Promise<void> {
  await tell(member, { task: "stop" });
  member.disconnect();
}

async function step(kind: Step["kind"], act: () => Promise<void>): Promise<Step> {
  const before = await ownersOf(backbone);
  const from = Date.now();
  await act();
  await isShared();
  const after = await ownersOf(backbone);
  return { kind, from, to: Date.now(), moved: after.flatMap((owner, i) => (owner === before[i] ? [] : [i])) };
}

const members = await Promise.all(Array.from({ length: membersAtOnce }, join));
const publishing = new Set<Promise<unknown>>();
let published = 0;
const load = setInterval(() => {
  for (let i = 0; i < (rate * tickMs) / 1_000; i++) {
    const one = backbone.publish(orders, orderOf(published++)).finally(() => publishing.delete(one));
    publishing.add(one);
  }
}, tickMs);
await isShared();
await delay(3_000); // the code is compiled

const steps: Step[] = [];
for (let i = 0; i < kills; i++) {
  steps.push(
    await step("kill", async () => {
      const [killed] = members.splice(0, 1) as [ChildProcess];
      killed.kill("SIGKILL");
      await once(killed, "exit");
      await delay(takeoverAfterMs + 1_000);
      members.push(await join());
    }),
  );
}
for (let i = 0; i < deploys * membersAtOnce; i++) {
  steps.push(
    await step("deploy", async () => {
      const [old] = members.splice(0, 1) as [ChildProcess];
      await stop(old);
      members.push(await join());
    }),
  );
}
clearInterval(load);
await Promise.all(publishing);
await eventually(async () => {
  const { components } = await backbone.status();
  return components.every(({ channels }) => channels.every(({ lagEntries, pending }) => lagEntries + pending === 0));
}, 60_000);
for (const member of members) await stop(member);

/** Of each event: when it was appended, and how long it took until its output was, ms. */
const appendedAt = new Float64Array(published);
const waitedMs = new Float64Array(published).fill(Number.NaN);
let doubles = 0;
for await (const { entryId, payload } of backbone.read(orders)) {
  if (payload !== undefined) appendedAt[numberOf(payload)] = entryTime(entryId);
}
for await (const { entryId, payload } of backbone.read(routed)) {
  if (payload === undefined) throw new Error(`output ${entryId} cannot be read`);
  const i = numberOf(payload);
  if (!Number.isNaN(waitedMs[i])) doubles++;
  waitedMs[i] = entryTime(entryId) - (appendedAt[i] as number);
}
const lost = waitedMs.filter(Number.isNaN).length;

/** The longest wait of an event of each partition that has moved, of each step of this kind, ms. */
function longestWaits(kind: Step["kind"]): readonly number[] {
  return steps.flatMap(({ kind: of, from, to, moved }) => {
    if (of !== kind) return [];
    const longest = new Map(moved.map((partition) => [partition, 0]));
    for (let i = 0; i < published; i++) {
      const at = appendedAt[i] as number;
      const partition = partitionOf(orderOf(i).symbol, partitions);
      const known = longest.get(partition);
      if (at >= from - 1_000 && at <= to && known !== undefined)
        longest.set(partition, Math.max(known, waitedMs[i] as number));
    }
    return [...longest.values()];
  });
}

const told = (what: string, waits: readonly number[], aim: number): boolean => {
  const sorted = waits.toSorted((a, b) => a - b);
  const worst = sorted.at(-1) ?? Number.NaN;
  const p99 = percentile(sorted, 0.99);
  console.log(
    `${what}: ${sorted.length} partitions moved; the longest wait of an event there: median ${percentile(sorted, 0.5)} ms, p99 ${p99}, worst ${worst} (aim ${aim}).`,
  );
  return worst <= aim * tolerance;
};
console.log(`${published} events at ${rate}/s, ${lost} without an output, ${doubles} with two.`);
const areFine = [
  told(`Killed ${kills} members (takeoverAfterMs ${takeoverAfterMs})`, longestWaits("kill"), aims.takeoverMs),
  told(`Deployed ${deploys} times`, longestWaits("deploy"), aims.handoffMs),
];
if (lost > 0 || doubles > 0 || areFine.includes(false)) process.exitCode = 1;
