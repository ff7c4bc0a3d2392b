/**
 * `startReceiver` runs the receiver of spans as a process. `received` reads its count. `whenExported` waits for the
 * last span.
 */

import { fork } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { ProxyTracerProvider, trace } from "@opentelemetry/api";
import { leave, nextAnswer } from "./child.ts";
import type { Received, ReceiverPorts } from "./receiver.ts";

/** A running receiver. Its disposal ends the process. */
export interface Receiver extends AsyncDisposable {
  /** The value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly otlpUrl: string;
  /** The argument of `received` and `whenExported`. */
  readonly countUrl: string;
}

export async function startReceiver(): Promise<Receiver> {
  const child = fork(new URL("./receiver.ts", import.meta.url), [], { execArgv: process.execArgv });
  const { otlp, count } = await nextAnswer<ReceiverPorts>(child, "the receiver of spans");
  return {
    otlpUrl: `http://127.0.0.1:${otlp}`,
    countUrl: `http://127.0.0.1:${count}`,
    [Symbol.asyncDispose]: () => leave(child),
  };
}

export async function received(countUrl: string): Promise<Received> {
  return (await (await fetch(countUrl)).json()) as Received;
}

/**
 * Silence after which an exporter has no more spans, ms: one at work sends the next batch as soon as one is accepted.
 */
const silentMs = 150;

/**
 * Hands this process's spans to its exporter. Resolves when the receiver has the last of them, with the time of its
 * arrival, in `monotonicMs`.
 */
export async function whenExported(countUrl: string): Promise<number> {
  const provider = trace.getTracerProvider();
  const sdk: object = provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
  if ("forceFlush" in sdk && typeof sdk.forceFlush === "function") await sdk.forceFlush();
  let before: Received | undefined;
  for (;;) {
    const now = await received(countUrl);
    if (now.spans === before?.spans) return now.lastMs;
    before = now;
    await setTimeout(silentMs);
  }
}
