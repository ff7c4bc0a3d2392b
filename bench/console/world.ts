/** The world of the console's benchmark: a Redis with a filled log, a component and a console in processes of their own, and a browser. */

import { fork } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { type BrowserContext, type CDPSession, chromium, type Page } from "playwright-core";
import { connectBackbone } from "throughline";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { browserPath } from "../../test/console/browser.ts";
import { leave, nextAnswer } from "../child.ts";
import { benchChannel } from "./channel.ts";
import { watchStreams } from "./hour.ts";

/** Entries a second while something is measured. */
export const perSecond = 1_000;

/** What a process has used and done since its start. */
export interface Usage {
  readonly handled: number;
  readonly cpuMicros: number;
}

export interface World extends AsyncDisposable {
  /** Version of the server. */
  readonly server: string;
  readonly published: number;
  readonly page: Page;
  readonly session: CDPSession;
  readonly context: BrowserContext;
  /** The console's address of a path. */
  address(path: string): string;
  /** Publishes at the rate until the time is over. */
  publishFor(seconds: number): Promise<void>;
  component(): Promise<Usage>;
  console(): Promise<Usage>;
  /** Processor time of the server, µs. */
  serverMicros(): Promise<number>;
  /** Opens a path and resolves when an element is there. Gives the time from the request on, ms. */
  timed(path: string, selector: string): Promise<number>;
}

export async function openWorld(entries: number): Promise<World> {
  if (browserPath === undefined) throw new Error("there is no Chromium here: install one, or name one in CHROMIUM");
  await using opening = new AsyncDisposableStack();
  const redis = opening.use(await startPrivateRedis());
  const client = new Redis(redis.url);
  opening.defer(() => client.disconnect());
  const namespace = "bench";
  const backbone = opening.use(await connectBackbone({ url: redis.url, namespace, partitions: { ifNew: 4 } }));
  let published = 0;
  const publish = (): Promise<unknown> => {
    const n = published++;
    return backbone.publish(benchChannel, {
      id: `o-${n}`,
      userId: `user-${n % 97}`,
      symbol: `S${n % 50}`,
      quantity: 100,
      at: Date.now(),
    });
  };
  process.stderr.write(`Filling a log of ${entries.toLocaleString("en-US")} entries …\n`);
  while (published < entries) {
    await Promise.all(Array.from({ length: Math.min(2_000, entries - published) }, publish));
  }
  const start = async (file: string) => {
    const child = fork(new URL(file, import.meta.url), [JSON.stringify({ url: redis.url, namespace })]);
    opening.defer(() => leave(child));
    const ready = await nextAnswer<{ url?: string }>(child, file);
    const usage = (): Promise<Usage> => {
      child.send("usage");
      return nextAnswer<Usage>(child, file);
    };
    return { usage, url: ready.url ?? "" };
  };
  const member = await start("member.ts");
  const served = await start("server.ts");

  const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
  opening.defer(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } });
  const page = await context.newPage();
  await watchStreams(page);
  const session = await context.newCDPSession(page);
  const opened = opening.move();
  const address = (path: string): string => new URL(path, served.url).href;
  return {
    server: redis.description,
    get published() {
      return published;
    },
    page,
    session,
    context,
    address,
    publishFor: async (seconds) => {
      const began = performance.now();
      let sent = 0;
      for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - began) / 1_000) {
        const due = Math.floor(elapsed * perSecond);
        const batch: Promise<unknown>[] = [];
        for (; sent < due; sent++) batch.push(publish());
        await Promise.all(batch);
        await pause(5);
      }
    },
    component: member.usage,
    console: served.usage,
    serverMicros: async () => {
      const text = await client.info("cpu");
      const part = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(text)?.[1] ?? 0) * 1e6;
      return part("used_cpu_user") + part("used_cpu_sys");
    },
    timed: async (path, selector) => {
      const began = performance.now();
      await page.goto(address(path));
      await page.locator(selector).first().waitFor();
      return Math.round(performance.now() - began);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
