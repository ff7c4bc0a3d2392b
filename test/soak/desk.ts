/** The trading desk of a soak: three processes of each component, which are killed, stopped and started again. */

import { setTimeout as pause } from "node:timers/promises";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { type ComponentName, componentNames, membersOfEach, nameOf, type Seat, takeoverAfterMs } from "./schedule.ts";

const mains: Readonly<Record<ComponentName, string>> = {
  "order-manager": "producers/order-manager/main.ts",
  algorithm: "consumers/algorithm/main.ts",
  "order-sender": "consumers/order-sender/main.ts",
};

/**
 * Longest time for finishing what was begun, ms: three times the default, as Redis and the venue are away for seconds again and again, and a Redis that was
 * killed reads its files before it answers.
 */
const drainTimeoutMs = 30_000;
/** Longest time from SIGTERM to the end, ms. */
const endWithinMs = drainTimeoutMs + 10_000;

/** The remarkable lines of its processes' logs. */
export interface DeskCounts {
  readonly starts: number;
  /** Partitions that were taken over from owners that had fallen silent. */
  readonly takenOver: number;
  /** Partitions that were handed over: at a deploy, and when a member joined. */
  readonly handedOver: number;
  /** Partitions that an owner found to be another's. */
  readonly lost: number;
  /** Times that a member has seen that Redis had lost what it had acknowledged. */
  readonly goneBack: number;
  /** Members that could not finish in time, because what they had written was not confirmed. */
  readonly undrained: number;
}

export interface DeskOptions {
  /** The variables that name the servers which the processes connect to. */
  readonly servers: Readonly<Record<string, string>>;
  readonly venueUrl: string;
  readonly namespace: string;
  /** What is written counts when a replica has it: a member that is told to end while its node has none cannot finish in time, and says so. */
  readonly confirmed: boolean;
}

/** Dispose kills what runs. */
export class Desk implements AsyncDisposable {
  readonly #env: Readonly<Record<string, string>>;
  readonly #seats: readonly Seat[];
  readonly #running = new Map<string, StartedProcess>();
  readonly #processes: { readonly seat: Seat; readonly started: StartedProcess }[] = [];
  /** The fault that is under way on a member: the next one waits for it. */
  readonly #busy = new Map<string, Promise<void>>();
  readonly #counts = { starts: 0, takenOver: 0, handedOver: 0, lost: 0, goneBack: 0, undrained: 0 };
  readonly #breaches: string[] = [];
  /** Processes that were told to end, or whose unrequested end is among the breaches already. */
  readonly #asked = new Set<StartedProcess>();
  readonly #confirmed: boolean;
  #isClosed = false;
  #isInterrupted = false;

  constructor({ servers, venueUrl, namespace, confirmed }: DeskOptions) {
    this.#confirmed = confirmed;
    this.#env = {
      ...servers,
      NAMESPACE: namespace,
      PORT: "0",
      TAKEOVER_AFTER_MS: String(takeoverAfterMs),
      DRAIN_TIMEOUT_MS: String(drainTimeoutMs),
      VENUES: `simulated=${venueUrl}`,
      LOG_LEVEL: "info",
    };
    this.#seats = componentNames.flatMap((component) =>
      Array.from({ length: membersOfEach }, (_, i) => ({ component, number: i + 1 })),
    );
  }

  get counts(): DeskCounts {
    return { ...this.#counts };
  }

  /** Misbehaviour of a process: an end of its own accord, or a bad exit. */
  get breaches(): readonly string[] {
    return this.#breaches;
  }

  /** A terminal tells Ctrl-C to these processes as well: that they end is then no breach. They are started again. */
  interrupted(): void {
    this.#isInterrupted = true;
  }

  /** All that the processes have written, a text each, by the name of its file. */
  get logs(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#processes].map(({ seat, started }, i) => [
        `${String(i).padStart(4, "0")}-${seat.component}-${seat.number}.log`,
        `${started.lines.join("\n")}\n`,
      ]),
    );
  }

  /** Starts every member. Resolves when all have joined. */
  async open(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => this.#start(seat).line('"joined"', 60_000)));
  }

  kill(seat: Seat, awayMs: number): Promise<void> {
    return this.#alone(seat, async (running) => {
      await this.#end(running, "SIGKILL");
      await pause(awayMs);
      this.#start(seat);
    });
  }

  terminate(seat: Seat, awayMs: number): Promise<void> {
    return this.#alone(seat, async (running) => {
      await this.#endWell(seat, running);
      await pause(awayMs);
      this.#start(seat);
    });
  }

  stop(seat: Seat, awayMs: number): Promise<void> {
    return this.#alone(seat, async (running) => {
      running.kill("SIGSTOP");
      await pause(awayMs);
      running.kill("SIGCONT");
    });
  }

  async deploy(component: ComponentName): Promise<void> {
    for (const seat of this.#seats) if (seat.component === component) await this.terminate(seat, 0);
  }

  /** Terminates all members; resolves when they have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#seats.map((seat) => this.#alone(seat, (running) => this.#endWell(seat, running))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#busy.values());
    for (const running of this.#running.values()) {
      this.#asked.add(running);
      await running[Symbol.asyncDispose]();
    }
  }

  /** One after the other on a member, in the order of the calls. */
  #alone(seat: Seat, act: (running: StartedProcess) => Promise<void>): Promise<void> {
    const name = nameOf(seat);
    const before = this.#busy.get(name) ?? Promise.resolve();
    const now = before.then(() => {
      const running = this.#running.get(name);
      return running === undefined ? undefined : act(running);
    });
    this.#busy.set(
      name,
      now.catch(() => undefined),
    );
    return now;
  }

  #start(seat: Seat): StartedProcess {
    const started = startProcess(mains[seat.component], [], { env: this.#env });
    this.#running.set(nameOf(seat), started);
    this.#processes.push({ seat, started });
    this.#counts.starts++;
    void started.ended.then(({ code, signal }) => {
      this.#note(started);
      if (this.#asked.has(started)) return;
      if (!this.#isInterrupted || code !== 0) {
        this.#breaches.push(`${nameOf(seat)} has ended by itself with ${signal ?? code}:${lastWords(started)}`);
      }
      if (!this.#isClosed) this.#start(seat);
    });
    return started;
  }

  async #end(running: StartedProcess, signal: NodeJS.Signals): Promise<void> {
    this.#asked.add(running);
    running.kill(signal);
    await running.ended;
  }

  async #endWell(seat: Seat, running: StartedProcess): Promise<void> {
    const timer = setTimeout(() => {
      this.#breaches.push(`${nameOf(seat)} has not ended ${endWithinMs} ms after SIGTERM:${lastWords(running)}`);
      running.kill("SIGKILL");
    }, endWithinMs);
    await this.#end(running, "SIGTERM");
    clearTimeout(timer);
    const { code, signal } = await running.ended;
    // Node has no handler for the signal until its main module runs.
    const wasStarting = signal === "SIGTERM" && running.lines.length === 0;
    if (code === 0 || wasStarting || signal === "SIGKILL") return;
    const said = (text: string): boolean => running.lines.some((line) => line.includes(text));
    if (this.#confirmed && code === 1 && said("DrainTimeoutError") && said("not as durable as was asked")) {
      this.#counts.undrained++;
      return;
    }
    this.#breaches.push(`${nameOf(seat)} has ended with ${signal ?? code} after SIGTERM:${lastWords(running)}`);
  }

  #note(ended: StartedProcess): void {
    for (const line of ended.lines) {
      if (line.includes("took over from an owner that had fallen silent")) this.#counts.takenOver++;
      else if (line.includes("has handed over the partition")) this.#counts.handedOver++;
      else if (line.includes("has lost the partition")) {
        if (line.includes("the server has gone back")) this.#counts.goneBack++;
        else this.#counts.lost++;
      } else if (saysLost(line)) this.#counts.goneBack++;
    }
  }
}

/** Whether a line of a log says that the server does not know what it had acknowledged to a producer. */
export function saysLost(line: string): boolean {
  return line.includes("it knows nothing of what it had acknowledged");
}

function lastWords({ lines }: StartedProcess): string {
  return lines
    .slice(-5)
    .map((line) => `\n    ${line}`)
    .join("");
}
