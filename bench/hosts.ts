/**
 * The contenders' processes, and the receiver of their spans: each is started when it is first needed, and ends with
 * the scenario.
 */

import { type ChildProcess, fork } from "node:child_process";
import { leave, nextAnswer } from "./child.ts";
import type { Sample, Task } from "./contender.ts";
import { type ContenderName, contenders, load } from "./contenders.ts";
import type { Answer } from "./host.ts";
import { type Receiver, received, startReceiver } from "./receiving.ts";

/**
 * Node's flags for every contender. On two cores V8's helper threads compete with Redis, and every contender's time
 * would depend on chance (docs/performance.md); the components' own scripts run without them, too.
 */
const hostArguments = ["--single-threaded-gc"];

export class Hosts implements AsyncDisposable {
  readonly #url: string;
  readonly #nodeArguments: readonly string[];
  readonly #running = new Map<ContenderName, ChildProcess>();
  #receiver: Receiver | undefined;

  constructor(url: string, nodeArguments: readonly string[]) {
    this.#url = url;
    this.#nodeArguments = nodeArguments;
  }

  /** Performs a round in the contender's process. @throws the contender's error */
  async perform(name: ContenderName, task: Task): Promise<Sample> {
    const { sampled } = contenders[name];
    const { count, shape } = task;
    if (task.isBacklog) await (await load(name)).backlog?.({ url: this.#url, count, shape, sampled: sampled ?? 0 });
    const host = this.#running.get(name) ?? (await this.#start(name));
    const before = sampled === undefined ? 0 : await this.#spans();
    host.send(task);
    const answer = await nextAnswer<Answer>(host, name);
    if ("error" in answer) throw new Error(`${name}, ${task.work}: ${answer.error}`);
    if (sampled === undefined) return answer.sample;
    return { ...answer.sample, spansReceived: ((await this.#spans()) - before) / count };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.values()].map(leave));
    await this.#receiver?.[Symbol.asyncDispose]();
  }

  async #spans(): Promise<number> {
    return this.#receiver === undefined ? 0 : (await received(this.#receiver.countUrl)).spans;
  }

  async #start(name: ContenderName): Promise<ChildProcess> {
    const host = fork(new URL("./host.ts", import.meta.url), [this.#url, name], {
      execArgv: [...process.execArgv, ...hostArguments, ...this.#nodeArguments],
      env: await this.#environment(contenders[name].sampled),
    });
    this.#running.set(name, host);
    const ready = await nextAnswer<Answer>(host, name);
    if ("error" in ready) throw new Error(`${name} does not start: ${ready.error}`);
    return host;
  }

  /**
   * The environment of a contender. It replaces the shell's telemetry settings: the contender decides whether and how
   * much to export.
   */
  async #environment(sampled: number | undefined): Promise<NodeJS.ProcessEnv> {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("OTEL_")));
    if (sampled === undefined) return env;
    this.#receiver ??= await startReceiver();
    return {
      ...env,
      BENCH_RECEIVER: this.#receiver.countUrl,
      OTEL_EXPORTER_OTLP_ENDPOINT: this.#receiver.otlpUrl,
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: String(sampled),
    };
  }
}
