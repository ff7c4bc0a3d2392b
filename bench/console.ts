/**
 * `npm run bench:console`: measures the console by driving its page in a real Chromium: the first view and the first hit on a log of a million
 * entries, the time from an append to the screen at 1,000 entries/s, the tab's memory, the page's bytes, and the processor time an entry of
 * component and server with and without an open console, interleaved. Prints JSON.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { chromium, type Page } from "playwright-core";
import { connectBackbone } from "throughline";
import { serveConsole } from "throughline/console";
import { startPrivateRedis } from "../src/local-redis/private-server.ts";
import { browserPath } from "../test/console/browser.ts";
import { benchChannel } from "./console-channel.ts";
import { live, memoryOf, watchStreams } from "./console-hour.ts";

const entries = Number(process.argv[2] ?? 1_000_000);
const rounds = Number(process.argv[3] ?? 3);
/** For so long a channel and a component are watched for the tab's memory, minutes; they are simulated. */
const watchedMinutes = Number(process.argv[4] ?? 60);
const perSecond = 1_000;
const roundSeconds = 12;
if (browserPath === undefined) throw new Error("there is no Chromium here: install one, or name one in CHROMIUM");

await using redis = await startPrivateRedis();
const client = new Redis(redis.url);
const namespace = "bench";
await using backbone = await connectBackbone({ url: redis.url, namespace, partitions: { ifNew: 4 } });
let published = 0;
const orderOf = (n: number) => ({
  id: `o-${n}`,
  userId: `user-${n % 97}`,
  symbol: `S${n % 50}`,
  quantity: 100,
  at: Date.now(),
});

/** Publishes at the rate until the time is over. */
async function publishFor(seconds: number): Promise<void> {
  const began = performance.now();
  let sent = 0;
  for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - began) / 1_000) {
    const due = Math.floor(elapsed * perSecond);
    const batch: Promise<unknown>[] = [];
    for (; sent < due; sent++) batch.push(backbone.publish(benchChannel, orderOf(published++)));
    await Promise.all(batch);
    await pause(5);
  }
}

process.stderr.write(`Filling a log of ${entries} entries …\n`);
while (published < entries) {
  await Promise.all(Array.from({ length: 2_000 }, () => backbone.publish(benchChannel, orderOf(published++))));
}

const member = fork("bench/console-member.ts", [JSON.stringify({ url: redis.url, namespace })], {
  stdio: ["ignore", "inherit", "inherit", "ipc"],
});
await once(member, "message");
interface Usage {
  readonly handled: number;
  readonly cpuMicros: number;
}
async function usage(): Promise<Usage> {
  const answer = once(member, "message");
  member.send("usage");
  return ((await answer) as [Usage])[0];
}
async function serverMicros(): Promise<number> {
  const text = await client.info("cpu");
  const part = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(text)?.[1] ?? 0) * 1e6;
  return part("used_cpu_user") + part("used_cpu_sys");
}
for (let { handled } = await usage(); handled < published; { handled } = await usage()) await pause(200);

await using console_ = await serveConsole({ url: redis.url, namespace, port: 0 });
const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--no-sandbox", "--enable-precise-memory-info"],
});
const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } });
const address = (path: string): string => new URL(path, console_.url).href;

async function timed(page: Page, path: string, selector: string): Promise<number> {
  const began = performance.now();
  await page.goto(address(path));
  await page.locator(selector).first().waitFor();
  return Math.round(performance.now() - began);
}

const page = await context.newPage();
await watchStreams(page);
let bytes = 0;
const session = await context.newCDPSession(page);
await session.send("Network.enable");
session.on("Network.loadingFinished", ({ encodedDataLength }) => {
  bytes += encodedDataLength;
});
const firstViewMs = [await timed(page, "/", ".graph a")];
const pageBytes = bytes;
for (let i = 0; i < 4; i++) firstViewMs.push(await timed(page, "/", ".graph a"));
const firstHitMs: number[] = [];
// In the newest tenth: at its very beginning, in the middle, and at its end.
for (const share of [0.901, 0.95, 0.999]) {
  const query = encodeURIComponent(`order.id=o-${Math.floor(published * share)}`);
  firstHitMs.push(await timed(page, `/search?q=${query}`, "table[aria-label='Events found'] tbody tr"));
}

// From append to screen: the newest row's own time of publish, when the page first has it.
await page.goto(address("/channel/orders"));
await page.getByText("Live.").waitFor();
await page.evaluate(`
  window.latencies = [];
  window.latest = Number(/"at":(\\d+)/.exec(document.querySelector("tbody tr td:last-child")?.textContent ?? "")?.[1] ?? 0);
  new MutationObserver(() => {
    const text = document.querySelector("tbody tr td:last-child")?.textContent ?? "";
    const at = Number(/"at":(\\d+)/.exec(text)?.[1] ?? 0);
    if (at > 0 && at !== window.latest) { window.latest = at; window.latencies.push(Date.now() - at); }
  }).observe(document.querySelector("main"), { childList: true, subtree: true, characterData: true });
`);
await publishFor(roundSeconds);
const latencies = ((await page.evaluate("window.latencies")) as number[]).sort((a, b) => a - b);
// A tab that holds all that it may, then an hour more of it.
const watched: Record<string, unknown> = {};
for (const [path, there] of [
  ["/channel/orders", "Live."],
  ["/component/bench", "Members"],
] as const) {
  await page.goto(address(path));
  await page.getByText(there).first().waitFor();
  await publishFor(3);
  await live(page, 600_000);
  const before = await memoryOf(session);
  const messages = await live(page, watchedMinutes * 60_000);
  watched[path] = { before, messages, after: await memoryOf(session) };
}

process.stderr.write("Processor time, with and without an open console …\n");
const withConsole: { member: number; server: number }[] = [];
const without: { member: number; server: number }[] = [];
async function round(into: { member: number; server: number }[]): Promise<void> {
  await publishFor(2);
  const [before, serverBefore] = [await usage(), await serverMicros()];
  await publishFor(roundSeconds);
  const [after, serverAfter] = [await usage(), await serverMicros()];
  const count = after.handled - before.handled;
  into.push({ member: (after.cpuMicros - before.cpuMicros) / count, server: (serverAfter - serverBefore) / count });
}
for (let i = 0; i < rounds; i++) {
  await page.goto(address("/"));
  await page.locator(".graph a").first().waitFor();
  await round(withConsole);
  await page.goto("about:blank");
  await round(without);
}
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const sumOf = ({ member: m, server: s }: { member: number; server: number }): number => m + s;
const [on, off] = [median(withConsole.map(sumOf)), median(without.map(sumOf))];
const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
process.stdout.write(
  `${JSON.stringify(
    {
      entries,
      firstViewMs,
      firstHitMs,
      pageBytes,
      appendToScreenMs: { seen: latencies.length, p50: at(0.5), p99: at(0.99), max: latencies.at(-1) },
      watchedMinutes,
      tab: watched,
      cpuMicrosPerEntry: { withConsole: on, without: off, ratio: on / off, rounds: { withConsole, without } },
    },
    undefined,
    2,
  )}\n`,
);
await browser.close();
member.send("stop");
await once(member, "exit");
client.disconnect();
