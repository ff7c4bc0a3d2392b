/** How a client order gets into the log, whether it came over a connection or from a file. */

import { setTimeout } from "node:timers/promises";
import { type Backbone, type EventRef, PublishError } from "../../src/index.ts";
import {
  type ClientOrder,
  clientOrderEventId,
  clientOrders,
  type OrderFileOptions,
  readOrders,
} from "../../src/orders/index.ts";

/**
 * Resolves when the order is in the log. The same order placed again is the same event: it gets the first one's
 * reference, so placing it again after a failure is safe.
 * @throws {PayloadError} {PublishError}
 */
export function placeOrder(
  backbone: Pick<Backbone, "publish">,
  order: ClientOrder,
  time: number = Date.now(),
): Promise<EventRef> {
  return backbone.publish(clientOrders, order, {
    eventId: clientOrderEventId(order),
    time,
    baggage: { "user.id": order.userId, "client.order_id": order.id },
    detached: true, // whatever the connection brought along is the client's word, not ours
  });
}

export interface FileIntakeOptions extends OrderFileOptions {
  readonly onPlaced?: (order: ClientOrder, ref: EventRef) => void;
  readonly onSkipped?: (line: number, reason: string) => void;
  /** An order was not confirmed and is placed again. */
  readonly onRetry?: (error: PublishError) => void;
}

export interface FileIntake {
  /** Lines that were orders; an order that the file has twice counts twice here and is one order in the log. */
  readonly placed: number;
  readonly placedQuantity: number;
  readonly skipped: number;
}

/** Orders whose publishes are under way together. */
const chunkSize = 256;
const retryDelayMs = 1_000;

/**
 * Places all orders of a file, in its order, in flat memory. An unconfirmed order is placed again until it is
 * confirmed; running the same file again places nothing twice.
 * @throws {ConfigError} when the file cannot be read. The signal's reason when it aborts.
 */
export async function placeFile(
  backbone: Pick<Backbone, "publish">,
  path: string,
  options: FileIntakeOptions = {},
): Promise<FileIntake> {
  const { onPlaced, onSkipped, signal } = options;
  let placed = 0;
  let placedQuantity = 0;
  let skipped = 0;
  let chunk: ClientOrder[] = [];
  const placeChunk = async (): Promise<void> => {
    await Promise.all(
      chunk.map(async (order) => {
        const ref = await placeUntilConfirmed(backbone, order, options);
        placed++;
        placedQuantity += order.quantity;
        onPlaced?.(order, ref);
      }),
    );
    chunk = [];
  };
  for await (const line of readOrders(path, options)) {
    signal?.throwIfAborted();
    if ("skipped" in line) {
      skipped++;
      onSkipped?.(line.line, line.skipped);
    } else if (chunk.push(line.order) >= chunkSize) await placeChunk();
  }
  await placeChunk();
  return { placed, placedQuantity, skipped };
}

async function placeUntilConfirmed(
  backbone: Pick<Backbone, "publish">,
  order: ClientOrder,
  { signal, onRetry }: FileIntakeOptions,
): Promise<EventRef> {
  for (;;) {
    try {
      return await placeOrder(backbone, order);
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      onRetry?.(error);
      await setTimeout(retryDelayMs, undefined, signal && { signal });
    }
  }
}
