/**
 * `npm run bench:failover`: what the failover of one node does to the partitions of the others, and when its own are served again; and how long a partition
 * stands still whose slot moves. A cluster of three primaries with a replica each under a steady load; a primary is killed in each round, and slots are moved
 * afterwards. Exit codes: 0; 1 when a figure is far from what is aimed at.
 */

import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { Redis } from "ioredis";
import { z } from "zod";
import { connectBackbone, defineChannel, on } from "../src/index.ts";
import { startPrivateCluster } from "../src/local-redis/private-cluster.ts";
import { partitionOf } from "../src/publish/placement.ts";
import { Keys } from "../src/redis/keys.ts";
import { positiveNumber } from "../src/service/option-parsers.ts";
import { ClusterAdmin, nodeAt } from "../test/support/cluster.ts";
import { eventually } from "../test/support/eventually.ts";
import { percentile } from "./statistics.ts";

const { rounds, moves, rate, calmMs, takeoverAfterMs } = new Command("npm run bench:failover --")
  .option("--rounds <count>", "primaries that are killed, one after the other", positiveNumber, 3)
  .option("--moves <count>", "slots that are moved, one after the other", positiveNumber, 4)
  .option("--rate <count>", "events a second", positiveNumber, 600)
  .option("--calm-ms <ms>", "load before each of them", positiveNumber, 8_000)
  .option("--takeover-after-ms <ms>", "silence of an owner that counts as its death", positiveNumber, 2_000)
  .parse()
  .opts<{ rounds: number; moves: number; rate: number; calmMs: number; takeoverAfterMs: number }>();

const partitions = 12;
const tickMs = 10;
/** Loads and failures of other programs make single rounds worse; a figure beyond this is a defect. */
const most = { ratio: 4, servedAgainMs: takeoverAfterMs + 3_000 };

const source = defineChannel({
  name: "source",
  schema: z.object({ n: z.number() }),
  key: ({ n }) => keys[n % keys.length] as string,
});
const copies = defineChannel({ name: "copies", schema: z.object({ n: z.number() }), placement: "source" });
/** As many for each partition. */
const keys = Array.from({ length: partitions }, (_, partition) =>
  Array.from({ length: 10_000 }, (_, i) => `k${i}`)
    .filter((key) => partitionOf(key, partitions) === partition)
    .slice(0, 4),
).flat();

/** An event that was published, and when it was handled, on the monotonic clock. */
interface Sent {
  readonly at: number;
  readonly partition: number;
  handledAt?: number;
}

const lines: string[] = [];
const told = (_fields: object, text: string): void => void lines.push(text);
const log = { debug: () => undefined, info: () => undefined, warn: told, error: told };

await using stack = new AsyncDisposableStack();
const cluster = stack.use(
  await startPrivateCluster({ say: console.error, settings: () => ["cluster-require-full-coverage no"] }),
);
const admin = stack.use(new ClusterAdmin());
const namespace = "failover";
const backbone = stack.use(await connectBackbone({ cluster: cluster.urls, namespace, partitions, log }));
const sent: Sent[] = [];
/** When each partition first had an event handled since this was emptied. */
const firstSince = new Map<number, number>();
const component = backbone.component(
  "copier",
  [
    on(source, async ({ payload }, { publish }) => {
      const one = sent[payload.n] as Sent;
      one.handledAt ??= performance.now();
      if (!firstSince.has(one.partition)) firstSince.set(one.partition, one.handledAt);
      await publish(copies, payload);
    }),
  ],
  { takeoverAfterMs },
);
const ending = new AbortController();
const running = component.run(ending.signal);
await component.ready();

const publishing = new Set<Promise<unknown>>();
const load = setInterval(() => {
  for (let i = 0; i < (rate * tickMs) / 1_000; i++) {
    const n = sent.length;
    sent.push({ at: performance.now(), partition: partitionOf(keys[n % keys.length] as string, partitions) });
    const one = backbone.publish(source, { n }).finally(() => publishing.delete(one));
    publishing.add(one);
  }
}, tickMs);

const names = new Keys(namespace);
const first = cluster.nodes.at(-1) as { readonly port: number };
const primaryPorts = async (from: { readonly port: number }): Promise<readonly number[]> =>
  Promise.all(
    Array.from(
      { length: partitions },
      async (_, partition) => (await admin.primaryOf(names.tag(partition), from)).port,
    ),
  );

/** The p99 of the time from publish to handler, of events of these partitions that were published in between, ms. */
function p99(of: (partition: number) => boolean, from: number, to: number): number {
  const took = sent.flatMap(({ at, partition, handledAt }) =>
    at >= from && at < to && of(partition) && handledAt !== undefined ? [handledAt - at] : [],
  );
  return percentile(
    took.sort((one, other) => one - other),
    0.99,
  );
}

/** The longest time from publish to handler of an event of the partition that was published in between, ms. */
function longestWait(of: number, from: number, to: number): number {
  return sent.reduce((longest, { at, partition, handledAt = Number.POSITIVE_INFINITY }) => {
    return at >= from && at < to && partition === of ? Math.max(longest, handledAt - at) : longest;
  }, 0);
}

/** Resolves at the time when the node says that it is a primary, on the monotonic clock. */
async function whenPrimary({ port }: { readonly port: number }): Promise<number> {
  const client = new Redis(port, "127.0.0.1", { protocol: 2 });
  using _client = { [Symbol.dispose]: () => client.disconnect() };
  while (!/^role:master/m.test(await client.info("replication"))) await delay(20);
  return performance.now();
}

await delay(3_000); // the code is compiled, connections are there
const ratios: number[] = [];
const served: number[] = [];
for (let round = 0; round < rounds; round++) {
  const calmFrom = performance.now();
  await delay(calmMs);
  const ports = await primaryPorts(first);
  const port = ports[round] as number;
  const isHit = (partition: number): boolean => ports[partition] === port;
  const nodes = await admin.nodes(first);
  const id = nodes.find((node) => node.port === port)?.id;
  const replica = nodes.find(({ primary }) => primary === id) as { readonly port: number };
  const killedAt = performance.now();
  await nodeAt(cluster, port).kill("SIGKILL");
  const promotedAt = await whenPrimary(replica);
  firstSince.clear();
  const hit = ports.flatMap((_, partition) => (isHit(partition) ? [partition] : []));
  await eventually(() => hit.every((partition) => firstSince.has(partition)), 60_000);
  const overAt = performance.now();
  const again = Math.max(...hit.map((partition) => firstSince.get(partition) as number)) - promotedAt;
  const before = p99((partition) => !isHit(partition), calmFrom, killedAt);
  const during = p99((partition) => !isHit(partition), killedAt, overAt);
  ratios.push(during / before);
  served.push(again);
  console.log(
    `${hit.length} of ${partitions} partitions lost their node, promoted after ${Math.round(promotedAt - killedAt)} ms, all served again ${Math.round(again)} ms after that; ` +
      `p99 of the others ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms meanwhile: ${(during / before).toFixed(2)} ×`,
  );
  await nodeAt(cluster, port).restart();
  await eventually(
    async () =>
      /master_link_status:up/.test(
        await admin
          .client({ port })
          .info("replication")
          .catch(() => ""),
      ),
    60_000,
  );
}
const stood: number[] = [];
for (let move = 0; move < moves; move++) {
  const partition = (move * 5) % partitions;
  const tag = names.tag(partition);
  const { port } = await admin.primaryOf(tag, first);
  const others = (await admin.nodes(first)).filter((node) => node.slots.length > 0 && node.port !== port);
  const client = admin.client({ port });
  const slot = Number(await client.call("CLUSTER", "KEYSLOT", tag));
  const keysThere = Number(await client.call("CLUSTER", "COUNTKEYSINSLOT", slot));
  const entries = await client.xlen(names.stream(partition, source.name));
  const from = performance.now();
  await admin.move(tag, others[move % others.length] as (typeof others)[number]);
  const to = performance.now();
  await eventually(() => sent.every(({ at, handledAt }) => at > to || handledAt !== undefined), 60_000);
  const longest = longestWait(partition, from - 1_000, to);
  stood.push(longest);
  console.log(
    `the slot of partition ${partition} moved in ${Math.round(to - from)} ms (${keysThere} keys, ${entries} events in its stream); the longest wait of one of its events: ${Math.round(longest)} ms`,
  );
  await delay(2_000);
}
clearInterval(load);
await Promise.all(publishing);
await component.whenIdle();
ending.abort();
await running;

const unhandled = sent.filter(({ handledAt }) => handledAt === undefined).length;
const middle = ratios.toSorted((one, other) => one - other)[Math.floor(rounds / 2)] as number;
const worst = Math.max(...served);
console.log(`${sent.length} events at ${rate}/s, ${unhandled} not handled.`);
console.log(
  `p99 of the other partitions: ${middle.toFixed(2)} × (median of ${rounds}; aim 2); served again within ${Math.round(worst)} ms of the promotion (worst; aim ${takeoverAfterMs + 1_000}).`,
);
if (stood.length > 0)
  console.log(
    `A moving slot: the longest wait of an event ${Math.round(Math.max(...stood))} ms (worst of ${stood.length}).`,
  );
if (unhandled > 0 || middle > most.ratio || worst > most.servedAgainMs) process.exitCode = 1;
