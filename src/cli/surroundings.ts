/** Surroundings of a command: its environment, its streams, its exit code, its signal to stop. Those of the process, or others that a caller gives. */

import { AsyncLocalStorage } from "node:async_hooks";
import { stopSignal } from "../service/stop-signal.ts";

/** A stream of text, which may be a terminal. `columns`: the terminal's width. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  exitCode: number;
  /** Makes a signal that aborts once the command is asked to stop. */
  stopSignal(): AbortSignal;
}

const ofProcess: Surroundings = {
  env: process.env,
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
  get exitCode() {
    return Number(process.exitCode ?? 0);
  },
  set exitCode(code) {
    process.exitCode = code;
  },
  stopSignal: () => stopSignal(),
};

/** Commands that one process runs at the same time each have their own. */
const given = new AsyncLocalStorage<Surroundings>();

/** The surroundings of the running command. */
export function surroundings(): Surroundings {
  return given.getStore() ?? ofProcess;
}

/** Runs what a command does in these surroundings in place of the process's. */
export function within<T>(other: Surroundings, run: () => Promise<T>): Promise<T> {
  return given.run(other, run);
}
