/** Places client orders in the log, from connections and from files. */

import { setTimeout } from "node:timers/promises";
import { type Backbone, type EventRef, PublishError, type Published, StoreError } from "throughline";
import {
  type ClientCancel,
  type ClientOrder,
  type ClientRequest,
  clientCancelEventId,
  clientOrderEventId,
  clientOrders,
  isCancel,
  type OrderFileOptions,
  readOrders,
} from "../../trading/domain/index.ts";
import { describeTerms, type FirstOrder, firstOrder, sameTerms } from "./terms.ts";

/**
 * Places an order. Resolves when it is in the log. The same order placed again is the same event and gets the first
 * one's reference, so that placing it again after a failure is safe.
 * @throws {PayloadError} {PublishError}
 */
export function placeOrder(backbone: Pick<Backbone, "publish">, order: ClientOrder): Promise<Published> {
  return backbone.publish(clientOrders, order, {
    eventId: clientOrderEventId(order),
    baggage: { "user.id": order.userId, "client.order_id": order.id },
    detached: true, // a connection's own baggage is the client's word, not ours
  });
}

/** Places a cancel, likewise: behind the order, as it lies on the same channel under the same key. @throws as `placeOrder` */
export function placeCancel(backbone: Pick<Backbone, "publish">, cancel: ClientCancel): Promise<Published> {
  return backbone.publish(clientOrders, cancel, {
    eventId: clientCancelEventId(cancel),
    baggage: { "user.id": cancel.userId, "client.order_id": cancel.orderId },
    detached: true,
  });
}

export interface FileIntakeOptions extends OrderFileOptions {
  readonly onPlaced?: (order: ClientOrder, ref: EventRef) => void;
  readonly onSkipped?: (line: number, reason: string) => void;
  /** Called when an order was not confirmed, or its first one could not be looked up; it is placed again. */
  readonly onRetry?: (error: PublishError | StoreError) => void;
}

export interface FileIntake {
  /**
   * The number of lines that were orders. An order that the file has twice counts twice here and is one order in the
   * log.
   */
  readonly placed: number;
  readonly placedQuantity: number;
  /** The number of lines that were cancels. */
  readonly cancels: number;
  readonly skipped: number;
}

/** Number of orders that are published together. */
const chunkSize = 256;
const retryDelayMs = 1_000;

/**
 * Places all orders of a file, in its order, in flat memory. An unconfirmed order is placed again until it is
 * confirmed; running the same file again places nothing twice. A line that gives an order's id to other terms is
 * skipped, like one that is no order.
 * @throws {ConfigError} when the file cannot be read
 * @throws the signal's reason when it aborts
 */
export async function placeFile(
  backbone: Pick<Backbone, "publish" | "read">,
  path: string,
  options: FileIntakeOptions = {},
): Promise<FileIntake> {
  const { onPlaced, onSkipped, signal } = options;
  let placed = 0;
  let placedQuantity = 0;
  let cancels = 0;
  let skipped = 0;
  let chunk: { readonly line: number; readonly request: ClientRequest }[] = [];
  const skip = (line: number, reason: string): void => {
    skipped++;
    onSkipped?.(line, reason);
  };
  const placeChunk = async (): Promise<void> => {
    await Promise.all(
      chunk.map(async ({ line, request }) => {
        const { ref, first } = await placeUntilConfirmed(backbone, request, options);
        if (isCancel(request)) {
          cancels++;
          return;
        }
        const order = request;
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
    else {
      chunk.push({ line: line.line, request: "cancel" in line ? line.cancel : line.order });
      if (chunk.length >= chunkSize) await placeChunk();
    }
  }
  await placeChunk();
  return { placed, placedQuantity, cancels, skipped };
}

/**
 * Places an order until it is confirmed. Resolves with the terms that the log has under its id, where an earlier order
 * has it.
 */
async function placeUntilConfirmed(
  backbone: Pick<Backbone, "publish" | "read">,
  request: ClientRequest,
  { signal, onRetry }: FileIntakeOptions,
): Promise<{ readonly ref: EventRef; readonly first: FirstOrder | undefined }> {
  for (;;) {
    try {
      if (isCancel(request)) return { ref: await placeCancel(backbone, request), first: undefined };
      const ref = await placeOrder(backbone, request);
      return { ref, first: ref.isRepeat ? await firstOrder(backbone, ref) : undefined };
    } catch (error) {
      if (!(error instanceof PublishError || error instanceof StoreError)) throw error;
      onRetry?.(error);
      await setTimeout(retryDelayMs, undefined, signal && { signal });
    }
  }
}
