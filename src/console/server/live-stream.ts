/** Server-sent events: a stream of named JSON messages that ends with the page's connection. */

import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import { problemOf } from "./refusal.ts";

/** Sends a message; resolves when the connection has taken it. */
export type SendMessage = (event: string, data: unknown) => Promise<void>;

/** A proxy cuts a connection that is silent for long, ms. */
const aliveEveryMs = 15_000;

/** Answers with the messages that `run` sends. `signal` aborts when the page goes; an error is sent as the message `problem`. */
export function liveStream(
  c: Context,
  closing: AbortSignal,
  run: (send: SendMessage, signal: AbortSignal) => Promise<void>,
): Response {
  return streamSSE(c, async (stream) => {
    const gone = new AbortController();
    stream.onAbort(() => gone.abort());
    const end = (): void => gone.abort();
    closing.addEventListener("abort", end, { once: true });
    const alive = setInterval(() => void stream.writeSSE({ event: "alive", data: "" }).catch(end), aliveEveryMs);
    const send: SendMessage = (event, data) => stream.writeSSE({ event, data: JSON.stringify(data) });
    try {
      await run(send, gone.signal);
    } catch (error) {
      if (gone.signal.aborted) return;
      const known = problemOf(error);
      await send("problem", { problem: known?.problem ?? "The console failed at this; its log says why." });
      if (known === undefined) throw error;
    } finally {
      clearInterval(alive);
      closing.removeEventListener("abort", end);
    }
  });
}
