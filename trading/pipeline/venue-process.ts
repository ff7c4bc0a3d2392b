/** The venue of a run: a process of its own, which ends with the run, whatever ends that. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ConfigError } from "throughline";
import type { VenueAddress } from "../../consumers/order-sender/index.ts";
import type { VenueTotals } from "../domain/index.ts";

/** What the venue says of a client: its book, and how many reports it has made. */
export interface VenueBook extends VenueTotals {
  readonly journal: string;
  readonly reports: number;
}

export interface ProvidedVenue extends AsyncDisposable {
  readonly address: VenueAddress;
  /** The process's. */
  readonly pid: number | undefined;
  /** Rejects when the process ends by itself; never resolves. */
  readonly died: Promise<never>;
  book(client: string): Promise<VenueBook>;
}

export interface VenueProcessOptions {
  readonly directory: string;
  /** Starts with an empty journal. */
  readonly fresh: boolean;
  readonly seed: string;
  readonly rejectRate: number;
  readonly latencyMs?: number;
}

/** Asks a venue for its book of a client. */
export async function bookOf(url: string, client: string): Promise<VenueBook> {
  const response = await fetch(`${url.replace("ws", "http")}/totals?client=${encodeURIComponent(client)}`);
  return (await response.json()) as VenueBook;
}

const main = fileURLToPath(new URL("../venue/main.ts", import.meta.url));
const name = "simulated";

/** Starts the venue. Resolves when it takes orders. @throws {ConfigError} */
export async function provideVenue(options: VenueProcessOptions): Promise<ProvidedVenue> {
  const { directory, fresh, seed, rejectRate, latencyMs } = options;
  if (fresh) await rm(directory, { recursive: true, force: true });
  const args = ["--data", directory, "--name", name, "--port", "0", "--until-input-ends"];
  const market = ["--seed", seed, "--reject-rate", String(rejectRate)];
  const latency = latencyMs === undefined ? [] : ["--latency-ms", String(latencyMs)];
  const child = spawn(process.execPath, [main, ...args, ...market, ...latency], {
    stdio: ["pipe", "ignore", "pipe"],
    env: { ...process.env, LOG_LEVEL: "info" },
  });
  child.stdin.on("error", () => undefined); // it has ended
  let last = "";
  const started = Promise.withResolvers<string>();
  createInterface({ input: child.stderr }).on("line", (line) => {
    last = line;
    const url = /ws:[^"]+/.exec(line)?.[0];
    if (url !== undefined) started.resolve(url);
  });
  const ended = new Promise<number | null>((done) => child.once("close", (code) => done(code)));
  const died = ended.then<never>((code) => {
    throw code === 2 ? new ConfigError(last) : new Error(`the venue has ended with ${code}: ${last}`);
  });
  died.catch(() => undefined); // a caller who awaits it is told
  const url = await Promise.race([started.promise, died]);
  return {
    address: { name, url },
    pid: child.pid,
    died,
    book: (client) => bookOf(url, client),
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, "close");
    },
  };
}
