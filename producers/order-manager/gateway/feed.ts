/** Feeds the executions to the clients that are connected here, whichever process keeps the records. */

import { setTimeout } from "node:timers/promises";
import type { Backbone, Log } from "throughline";
import { Execution, executions, parseJson } from "../../../trading/domain/index.ts";

const pauseMs = 1_000;

/** The id of the newest execution: the position to follow executions from. */
export async function newestExecution(backbone: Pick<Backbone, "read">): Promise<string> {
  for await (const { entryId } of backbone.read(executions.name, { reverse: true, limit: 1 })) return entryId;
  return "0-0";
}

/**
 * Calls `take` with each execution after the position, until the signal aborts. Without a consumer group it promises
 * nothing: it is a courtesy to connected clients. A client asks for executions that it has missed.
 */
export async function followExecutions(
  backbone: Pick<Backbone, "read">,
  position: string,
  take: (execution: Execution) => void,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  let last = position;
  while (!signal.aborted) {
    try {
      for await (const { entryId, envelope } of backbone.read(executions.name, {
        follow: true,
        from: `(${last}`,
        signal,
      })) {
        last = entryId;
        const execution = envelope && Execution.safeParse(parseJson(envelope.payload));
        // An invalid execution is dead-lettered, with its reason, by the component that keeps the records.
        if (execution?.success) take(execution.data);
      }
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error, last }, "following the executions failed; it goes on from there");
      await setTimeout(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
