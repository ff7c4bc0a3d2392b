/** `runCommand`: runs the `throughline` command within this process, as a start takes longer than most commands. Signals, pipes and exit need a process. */

import { PassThrough, Writable } from "node:stream";
import { perform } from "../../src/cli/command-line.ts";
import type { PlugIn } from "../../src/cli/plug-in.ts";
import { type Surroundings, within } from "../../src/cli/surroundings.ts";

export interface CommandEnd {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CommandOptions {
  /** Default: the bare command. */
  readonly plugIn?: PlugIn;
  /** Answers of a person at a terminal, a line each. Without them nobody can be asked. */
  readonly answers?: readonly string[];
}

/** The command as `npm run throughline` has it. */
export const tradingPlugIn: PlugIn = {
  namespace: "trading",
  load: async () => (await import("../../trading/pipeline/plug-in.ts")).extension,
};

/** Runs a command to its end, on the backbone of `at`. */
export async function runCommand(
  at: { readonly url: string; readonly namespace?: string | undefined },
  args: readonly string[],
  { plugIn = {}, answers }: CommandOptions = {},
): Promise<CommandEnd> {
  const [out, err] = [new Collected(), new Collected()];
  const stdin = new PassThrough();
  const isTTY = answers !== undefined;
  const surroundings: Surroundings = {
    env: { REDIS_URL: at.url, NAMESPACE: at.namespace },
    stdin: Object.assign(stdin, { isTTY }),
    stdout: Object.assign(out, { isTTY: false }),
    stderr: Object.assign(err, { isTTY }),
    exitCode: 0,
    stopSignal: () => new AbortController().signal,
  };
  stdin.end((answers ?? []).map((line) => `${line}\n`).join(""));
  await within(surroundings, () => perform(args, plugIn));
  return { code: surroundings.exitCode, out: out.text, err: err.text };
}

class Collected extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
