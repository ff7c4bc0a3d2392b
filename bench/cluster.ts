/**
 * `npm run bench:cluster`: processor time of client and servers for each event, twelve partitions on one server and on a cluster of three
 * primaries, in turn. Prints the medians of the rounds, and the ratio. Exit code 0 whatever the figures are.
 */

import { Command, Option } from "commander";
import { Redis } from "ioredis";
import { z } from "zod";
import { connectBackbone, defineChannel, on, type ServersPlace } from "../src/index.ts";
import { startPrivateCluster } from "../src/local-redis/private-cluster.ts";
import { startPrivateRedis } from "../src/local-redis/private-server.ts";
import { positiveNumber } from "../src/service/option-parsers.ts";
import { median } from "./statistics.ts";

const { events, rounds, window, only } = new Command("npm run bench:cluster --")
  .option("--events <count>", "events of each round", positiveNumber, 40_000)
  .option("--rounds <count>", "rounds", positiveNumber, 7)
  .option("--window <count>", "publishes that are unacknowledged at once", positiveNumber, 2_000)
  .addOption(new Option("--only <topology>", "one topology only, such as for a profile").choices(["server", "cluster"]))
  .parse()
  .opts<{ events: number; rounds: number; window: number; only?: string }>();

const partitions = 12;
/** Rounds before those that count: code is not compiled yet. */
const warmUpRounds = 1;
const payload = z.object({ n: z.number(), text: z.string() });
const text = "a payload of some hundred bytes, as an order has it: ".padEnd(100, ".");
const source = defineChannel({ name: "source", schema: payload, key: ({ n }) => `k${n % 1_000}` });
const kept = defineChannel({ name: "kept", schema: payload, placement: "source" });
const moved = defineChannel({ name: "moved", schema: payload, key: ({ n }) => `m${n % 1_000}` });

/** What an event took: processor time in µs, and scripts that were called. */
interface Spent {
  readonly client: number;
  readonly servers: number;
  readonly calls: number;
}

interface Place {
  readonly name: "one server" | "cluster";
  readonly servers: ServersPlace;
  readonly admins: readonly Redis[];
}

async function serversMicros({ admins }: Place): Promise<number> {
  const infos = await Promise.all(admins.map((admin) => admin.info("cpu")));
  const seconds = infos.flatMap((info) =>
    ["used_cpu_user", "used_cpu_sys"].map((name) => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(info)?.[1])),
  );
  return seconds.reduce((sum, one) => sum + one, 0) * 1_000_000;
}

async function scriptCalls({ admins }: Place): Promise<number> {
  const infos = await Promise.all(admins.map((admin) => admin.info("commandstats")));
  return infos.reduce((sum, info) => sum + Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(info)?.[1] ?? 0), 0);
}

async function spentOn(place: Place, work: () => Promise<void>): Promise<Spent> {
  globalThis.gc?.();
  const [calls, servers, client] = [await scriptCalls(place), await serversMicros(place), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(client);
  return {
    client: (user + system) / events,
    servers: ((await serversMicros(place)) - servers) / events,
    calls: ((await scriptCalls(place)) - calls) / events,
  };
}

/** One round on a namespace of its own: publishes, and two components that make an output of each event. */
async function round(place: Place, name: string): Promise<ReadonlyMap<string, Spent>> {
  await Promise.all(place.admins.map((admin) => admin.flushall("SYNC")));
  const found = new Map<string, Spent>();
  await using backbone = await connectBackbone({ ...place.servers, namespace: name, partitions, log: quiet });
  await backbone.publish(source, { n: -1, text });
  found.set(
    "published",
    await spentOn(place, async () => {
      let next = 0;
      const publishOn = async (): Promise<void> => {
        while (next < events) await backbone.publish(source, { n: next++, text });
      };
      await Promise.all(Array.from({ length: window }, publishOn));
    }),
  );
  for (const [work, to] of [
    ["transformed, output with its event", kept],
    ["transformed, output relayed", moved],
  ] as const) {
    const component = backbone.component(work === "transformed, output relayed" ? "mover" : "keeper", [
      on(source, ({ payload: event }, { publish }) => void publish(to, event)),
    ]);
    const ending = new AbortController();
    found.set(
      work,
      await spentOn(place, async () => {
        const running = component.run(ending.signal);
        await component.whenIdle();
        ending.abort();
        await running;
      }),
    );
  }
  return found;
}

const quiet = { debug: () => undefined, info: () => undefined, warn: console.warn, error: console.error };

await using stack = new AsyncDisposableStack();
const server = stack.use(await startPrivateRedis({ say: console.error }));
const cluster = stack.use(await startPrivateCluster({ replicas: 0, say: console.error }));
const adminOf = (port: number): Redis =>
  stack.adopt(new Redis(port, "127.0.0.1", { protocol: 2 }), (admin) => admin.disconnect());
const places: readonly Place[] = [
  { name: "one server", servers: { url: server.url }, admins: [adminOf(server.port)] },
  { name: "cluster", servers: { cluster: cluster.urls }, admins: cluster.nodes.map(({ port }) => adminOf(port)) },
];
const measured = places.filter(({ name }) => only === undefined || name.includes(only));
const figures = new Map<string, Map<string, Spent[]>>();
for (let n = -warmUpRounds; n < rounds; n++) {
  for (const place of measured) {
    const found = await round(place, `bench-${n + warmUpRounds}`);
    for (const [work, spent] of n < 0 ? [] : found) {
      const ofWork = figures.get(work) ?? new Map<string, Spent[]>();
      figures.set(work, ofWork.set(place.name, [...(ofWork.get(place.name) ?? []), spent]));
    }
  }
}

const part = (all: readonly Spent[], of: (one: Spent) => number): number => median(all.map(of));
for (const [work, byPlace] of figures) {
  for (const [name, all] of byPlace) {
    const [client, servers, both] = [
      part(all, (one) => one.client),
      part(all, (one) => one.servers),
      part(all, (one) => one.client + one.servers),
    ].map((micros) => micros.toFixed(1));
    const ratios = (byPlace.get("one server") ?? []).map((one, i) => {
      const here = all[i] as Spent;
      return (here.client + here.servers) / (one.client + one.servers);
    });
    const ratio = name === "cluster" && ratios.length > 0 ? `  ${median(ratios).toFixed(2)} × one server` : "";
    const calls = part(all, (one) => one.calls).toFixed(3);
    console.log(`${work}, ${name}: ${both} µs (client ${client}, servers ${servers}; ${calls} scripts)${ratio}`);
  }
}
