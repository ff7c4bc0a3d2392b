/** The receiver's process, as tests use it. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { ReceiverLine, SpanRef, WireMetric, WireSpan } from "./otlp.ts";

export type CollectorMode = "accept" | "hang" | "refuse" | "deny" | "absent";

type Child = ChildProcessByStdio<Writable, Readable, null>;

export class Collector implements AsyncDisposable {
  endpoint = "";
  readonly #host: string;
  readonly #child: Child;
  /** A batch that is sent again may arrive twice; a span counts once. */
  readonly #spans = new Map<string, WireSpan>();
  readonly #metrics: WireMetric[] = [];
  readonly #exports: Buffer[] = [];
  readonly #watchers = new Set<() => void>();
  #modes = 0;
  #hung = 0;
  #isOver = false;

  private constructor(host: string, child: Child) {
    this.#host = host;
    this.#child = child;
    createInterface({ input: child.stdout }).on("line", (text) => {
      // A process that is ended may leave half a line behind.
      if (!this.#isOver) this.#take(JSON.parse(text) as ReceiverLine);
    });
  }

  /** On a port of its own, on loopback unless told. It takes everything until told otherwise. */
  static async start(host = "127.0.0.1"): Promise<Collector> {
    const script = join(import.meta.dirname, "receiver.ts");
    const collector = new Collector(
      host,
      spawn(process.execPath, [script, host], { stdio: ["pipe", "pipe", "inherit"] }),
    );
    await collector.until(() => collector.#modes > 0);
    return collector;
  }

  /** Resolves when it behaves so. */
  async become(mode: CollectorMode): Promise<void> {
    const before = this.#modes;
    this.#child.stdin.write(`${mode}\n`);
    await this.until(() => this.#modes > before);
  }

  get spans(): readonly WireSpan[] {
    return [...this.#spans.values()];
  }

  /** Every collection of every metric. */
  get metrics(): readonly WireMetric[] {
    return this.#metrics;
  }

  /** Each trace export as it went over the wire. */
  get exports(): readonly Buffer[] {
    return this.#exports;
  }

  /** Exports that it left without an answer. */
  get hung(): number {
    return this.#hung;
  }

  /** Resolves when what has arrived is enough. @throws after the time-out, with what had arrived by then */
  async until(enough: (collector: this) => boolean, timeoutMs = 45_000): Promise<void> {
    if (enough(this)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (enough(this)) resolve();
    };
    this.#watchers.add(look);
    const timer = setTimeout(() => {
      const names = this.spans.map(({ service, name }) => `${service}: ${name}`).join(", ");
      reject(new Error(`the Collector did not get enough in ${timeoutMs} ms (${enough}); spans: ${names || "none"}`));
    }, timeoutMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  /** Resolves when nothing has arrived for so long: whoever exports every second has nothing left. */
  async silence(lengthMs: number): Promise<void> {
    let heardAt = performance.now();
    const hear = (): void => {
      heardAt = performance.now();
    };
    this.#watchers.add(hear);
    try {
      for (let leftMs = lengthMs; leftMs > 0; leftMs = heardAt + lengthMs - performance.now()) await pause(leftMs);
    } finally {
      this.#watchers.delete(hear);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await ended;
  }

  #take(line: ReceiverLine): void {
    switch (line.line) {
      case "span":
        this.#spans.set(idOf(line.span), line.span);
        break;
      case "metric":
        this.#metrics.push(line.metric);
        break;
      case "export":
        this.#exports.push(Buffer.from(line.bytes, "base64"));
        break;
      case "hung":
        this.#hung += 1;
        break;
      case "mode":
        this.#modes += 1;
        this.endpoint = `http://${this.#host}:${line.port}`;
    }
    for (const look of this.#watchers) look();
  }
}

export function idOf({ traceId, spanId }: SpanRef): string {
  return `${traceId}/${spanId}`;
}
