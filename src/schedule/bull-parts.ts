/** The common parts of BullMQ's queues and workers: their options, and their end. */

import type { ConnectionOptions, QueueOptions, Telemetry } from "bullmq";
import { endsWithin } from "../model/waits.ts";
import type { Log } from "../ports/log.ts";

/** Longest wait for BullMQ at close before its connections are cut, ms. */
export const closeTimeoutMs = 2_000;

export interface BullOptions {
  readonly connection: ConnectionOptions;
  readonly prefix: string;
  readonly log: Log;
  readonly telemetry: Telemetry | undefined;
}

/** The options in BullMQ's form. */
export function settingsOf({ connection, prefix, telemetry }: Omit<BullOptions, "log">): QueueOptions {
  return { connection, prefix, ...(telemetry === undefined ? {} : { telemetry }) };
}

/** The common method of a queue and a worker. */
interface Closable {
  disconnect(): Promise<unknown>;
}

/** Waits for the close of a queue or a worker, and cuts its connections when that is over or has taken too long. */
export async function cutAfter(part: Closable, closing: Promise<unknown>, timeoutMs: number): Promise<void> {
  await endsWithin(
    timeoutMs,
    closing.catch(() => undefined),
  );
  // Not awaited: while Redis is away it waits for a connection that may never come.
  part.disconnect().catch(() => undefined);
}
