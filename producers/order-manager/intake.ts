/** How a client order gets into the log, whether it came over a connection or from a file. */

import { setTimeout } from "node:timers/promises";
import { type Backbone, type EventRef, PublishError, type Published, StoreError } from "throughline";
import {
  type ClientOrder,
  clientOrderEventId,
  clientOrders,
  type OrderFileOptions,
  readOrders,
} from "../../trading/domain/index.ts";
import { describeTerms, type FirstOrder, firstOrder, sameTerms } from "./terms.ts";

/**
 * Resolves when the order is in the log. The same order placed again is the same event: it gets the first one's
 * reference, so placing it again after a failure is safe.
 * @throws {PayloadError} {PublishError}
 */
export function placeOrder(backbone: Pick<Backbone, "publish">, order: ClientOrder): Promise<Published> {
  return backbone.publish(clientOrders, order, {
    eventId: clientOrderEventId(order),
    baggage: { "user.id": order.userId, "client.order_id": order.id },
    detached: true, // whatever the connection brought along is the client's word, not ours
  });
}

export interface FileIntakeOptions extends OrderFileOptions {
  readonly onPlaced?: (order: ClientOrder, ref: EventRef) => void;
  readonly onSkipped?: (line: number, reason: string) => void;
  /** An order was not confirmed, or its first one could not be looked up; it is placed again. */
  readonly onRetry?: (error: PublishError | StoreError) => void;
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
 * confirmed; running the same file again places nothing twice. A line that gives the id of an order other terms is skipped, like one
 * that is no order.
 * @throws {ConfigError} when the file cannot be read. The signal's reason when it aborts.
 */
export async function placeFile(
  backbone: Pick<Backbone, "publish" | "read">,
  path: string,
  options: FileIntakeOptions = {},
): Promise<FileIntake> {
  const { onPlaced, onSkipped, signal } = options;
  let placed = 0;
  let placedQuantity = 0;
  let skipped = 0;
  let chunk: { readonly line: number; readonly order: ClientOrder }[] = [];
  const skip = (line: number, reason: string): void => {
    skipped++;
    onSkipped?.(line, reason);
  };
  const placeChunk = async (): Promise<void> => {
    await Promise.all(
      chunk.map(async ({ line, order }) => {
        const { ref, first } = await placeUntilConfirmed(backbone, order, options);
        if (first !== undefined && !sameTerms(first.order, order)) {
          skip(line, `id "${order.id}" is another order of ${order.userId}: ${describeTerms(first.order)}`);
          return;
        }
        placed++;
        placedQuantity += order.quantity;
        onPlaced?.(order, ref);
      }),
    );
    chunk = [];
  };
  for await (const line of readOrders(path, options)) {
    signal?.throwIfAborted();
    if ("skipped" in line) skip(line.line, line.skipped);
    else if (chunk.push(line) >= chunkSize) await placeChunk();
  }
  await placeChunk();
  return { placed, placedQuantity, skipped };
}

/** With what stands in the log under its id, where that was there first. */
async function placeUntilConfirmed(
  backbone: Pick<Backbone, "publish" | "read">,
  order: ClientOrder,
  { signal, onRetry }: FileIntakeOptions,
): Promise<{ readonly ref: EventRef; readonly first: FirstOrder | undefined }> {
  for (;;) {
    try {
      const ref = await placeOrder(backbone, order);
      return { ref, first: ref.isRepeat ? await firstOrder(backbone, ref) : undefined };
    } catch (error) {
      if (!(error instanceof PublishError || error instanceof StoreError)) throw error;
      onRetry?.(error);
      await setTimeout(retryDelayMs, undefined, signal && { signal });
    }
  }
}
