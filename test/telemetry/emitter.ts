/** `fixtures/emitter.ts` as a process that a test talks to. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface Emitter extends AsyncDisposable {
  /** Resolves with the milliseconds that it took, by the emitter's own clock. */
  tell(command: string): Promise<number>;
  /** The lines that the process has logged so far. */
  readonly log: () => string;
  /** Closes its input and resolves with its exit code and how long that took, ms. */
  end(): Promise<{ readonly code: number | null; readonly ms: number }>;
}

export async function startEmitter(env: Readonly<Record<string, string>>): Promise<Emitter> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "fixtures", "emitter.ts")], {
    env: { ...process.env, OTEL_BSP_SCHEDULE_DELAY: "20", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const closed = once(child, "close");
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<number> => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`the emitter ended instead of answering: ${log}`);
    const parsed: unknown = JSON.parse(value);
    return (parsed as { ms?: number }).ms ?? 0;
  };
  await answer();
  return {
    tell: (command) => {
      child.stdin.write(`${command}\n`);
      return answer();
    },
    log: () => log,
    end: async () => {
      const startedAt = performance.now();
      child.stdin.end();
      const [code] = await closed;
      return { code: code as number | null, ms: performance.now() - startedAt };
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await closed;
    },
  };
}
