/** Feeds the executions to the clients that are connected here, whichever process keeps the records. */

import { setTimeout } from "node:timers/promises";
import { type Backbone, type Log, StoreError } from "throughline";
import { Execution, executions, parseJson } from "../../../trading/domain/index.ts";

const pauseMs = 1_000;

/**
 * The id of the newest execution: the position to follow executions from. Asked for until Redis answers, so that a process which starts while Redis is away
 * waits for it as its component does. @throws what the reading throws once the signal has aborted
 */
export async function newestExecution(
  backbone: Pick<Backbone, "read">,
  log: Log,
  signal: AbortSignal | undefined,
): Promise<string> {
  for (;;) {
    try {
      for await (const { entryId } of backbone.read(executions.name, { reverse: true, limit: 1 })) return entryId;
      return "0-0";
    } catch (error) {
      if (!(error instanceof StoreError) || signal?.aborted) throw error;
      log.warn({ reason: error.message }, "the newest execution is not known yet; it is asked for again");
      await setTimeout(pauseMs, undefined, signal && { signal });
    }
  }
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
