/** `startReceiver`: the receiver of spans as a process of its own. `received`: what it has. `whenExported`: waits for the last of them. */

import { fork } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { ProxyTracerProvider, trace } from "@opentelemetry/api";
import { leave, nextAnswer } from "./child.ts";
import type { Received, ReceiverPorts } from "./receiver.ts";

/** Dispose ends the process. */
export interface Receiver extends AsyncDisposable {
  /** What `OTEL_EXPORTER_OTLP_ENDPOINT` takes. */
  readonly otlpUrl: string;
  /** What `received` and `whenExported` take. */
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

/** An exporter at work sends the next batch as soon as one is taken: whoever is silent for so long has no more. */
const silentMs = 150;

/** Hands this process's spans to its exporter, and resolves when the receiver has the last of them: when that came, in `monotonicMs`. */
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
