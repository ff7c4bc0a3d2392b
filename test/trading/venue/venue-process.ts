/** The venue as a process on one port, to be killed and started again. */

import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import type { VenueTotals } from "../../../trading/domain/index.ts";
import { type StartedProcess, startProcess } from "../../support/process.ts";
import { venueDirectory } from "./directory.ts";

/** The venue does not answer: it was killed, or has ended. */
export class VenueAwayError extends Error {}

export interface VenueProcess extends AsyncDisposable {
  /** Stays the same over restarts. */
  readonly url: string;
  readonly process: StartedProcess;
  /** @throws {VenueAwayError} */
  totals(client?: string): Promise<VenueTotals>;
  /** SIGKILL. Resolves when it has ended. */
  kill(): Promise<void>;
  /** Resolves when it takes orders again. */
  restart(): Promise<void>;
}

/** It ends with this process, whatever ends that, and a terminal's Ctrl-C does not reach it: what is under way there can still be finished. */
export async function startVenueProcess(args: readonly string[] = []): Promise<VenueProcess> {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(await venueDirectory());
  const port = await freePort();
  const url = `ws://127.0.0.1:${port}`;
  const start = async (): Promise<StartedProcess> => {
    const all = ["--data", directory.path, "--port", String(port), "--until-input-ends", ...args];
    const started = startProcess("trading/venue/main.ts", all, { env: { LOG_LEVEL: "info" }, ownGroup: true });
    await started.line("the venue takes orders");
    return started;
  };
  let running = await start();
  stack.defer(() => running[Symbol.asyncDispose]());
  return {
    url,
    get process() {
      return running;
    },
    totals: async (client) => {
      const query = client === undefined ? "" : `?client=${client}`;
      const response = await fetch(`http://127.0.0.1:${port}/totals${query}`).catch((cause: unknown) => {
        const last = running.lines.at(-1) ?? "nothing";
        throw new VenueAwayError(`the venue at ${url} does not answer; its last line: ${last}`, { cause });
      });
      return (await response.json()) as VenueTotals;
    },
    kill: async () => {
      running.kill();
      await running.ended;
    },
    restart: async () => {
      running = await start();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
