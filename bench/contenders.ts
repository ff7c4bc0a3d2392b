/** Who takes part: under which name, and from which module. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Contender, Sample, Task } from "./contender.ts";
import type { Answer } from "./host.ts";

interface Entry {
  /** As the table names it. */
  readonly title: string;
  readonly module: string;
  readonly exported: "contender" | "tracedContender";
}

export type ContenderName = "ioredis" | "bullmq" | "bullmq-otel" | "throughline";

export const contenders: Readonly<Record<ContenderName, Entry>> = {
  ioredis: { title: "bare ioredis", module: "ioredis", exported: "contender" },
  bullmq: { title: "BullMQ", module: "bullmq", exported: "contender" },
  "bullmq-otel": { title: "BullMQ + bullmq-otel", module: "bullmq", exported: "tracedContender" },
  throughline: { title: "Throughline, no SDK", module: "throughline", exported: "contender" },
};

/** The contenders' processes, each started when it is first needed. */
export class Hosts implements AsyncDisposable {
  readonly #url: string;
  readonly #nodeArguments: readonly string[];
  readonly #running = new Map<ContenderName, ChildProcess>();

  constructor(url: string, nodeArguments: readonly string[]) {
    this.#url = url;
    this.#nodeArguments = nodeArguments;
  }

  /** @throws what the contender threw */
  async perform(name: ContenderName, task: Task): Promise<Sample> {
    if (task.isBacklog) await (await load(name)).backlog?.(this.#url, task.count);
    const host = this.#running.get(name) ?? (await this.#start(name));
    host.send(task);
    const answer = await nextAnswer(host);
    if ("error" in answer) throw new Error(`${name}, ${task.work}: ${answer.error}`);
    return answer.sample;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = [...this.#running.values()];
    await Promise.all(
      running.map(async (host) => {
        if (host.exitCode !== null || host.signalCode !== null) return;
        const ended = once(host, "exit");
        host.disconnect();
        await ended;
      }),
    );
  }

  async #start(name: ContenderName): Promise<ChildProcess> {
    const host = fork(new URL("./host.ts", import.meta.url), [this.#url, name], {
      execArgv: [...process.execArgv, ...this.#nodeArguments],
    });
    this.#running.set(name, host);
    const ready = await nextAnswer(host);
    if ("error" in ready) throw new Error(`${name} does not start: ${ready.error}`);
    return host;
  }
}

/** The contender itself, in this process. */
export async function load(name: ContenderName): Promise<Contender> {
  const { module, exported } = contenders[name];
  return ((await import(`./contenders/${module}.ts`)) as Record<string, Contender>)[exported] as Contender;
}

/** Resolves with what the process says next, or why it cannot. */
function nextAnswer(host: ChildProcess): Promise<Answer> {
  return new Promise((resolve) => {
    const answered = (answer: unknown): void => {
      host.off("exit", ended);
      resolve(answer as Answer);
    };
    const ended = (code: number | null): void => {
      host.off("message", answered);
      resolve({ error: `its process ended with ${code}` });
    };
    host.once("message", answered).once("exit", ended);
  });
}
