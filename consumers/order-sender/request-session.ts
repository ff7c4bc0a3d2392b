/** The requests of one venue and partition: numbered, confirmed when they are on the venue's disk, sent again after every new connection. */

import { setTimeout } from "node:timers/promises";
import { type Log, PermanentError, type Tools } from "throughline";
import type { VenueRequest } from "../../trading/domain/index.ts";
import { maxInFrame } from "../../trading/venue/protocol.ts";
import { type VenueAddress, VenueLink, VenueRefusal } from "./venue-link.ts";

export type Fence = Tools["fence"];

interface Pending {
  readonly request: VenueRequest;
  /** Undefined until it is sent over the present connection. */
  number: number | undefined;
  readonly taken: () => void;
  readonly failed: (error: Error) => void;
}

export interface RequestSessionOptions {
  readonly venue: VenueAddress;
  readonly client: string;
  readonly partition: number;
  readonly log: Log;
}

const leastDelayMs = 50;
const mostDelayMs = 2_000;

/**
 * Open from its first request on, under the fence of the partition's owner. A newer fence opens it anew. What was sent and not confirmed is sent again over the
 * next connection, in its order and under new numbers: the venue knows an order's id again.
 */
export class RequestSession implements AsyncDisposable {
  readonly #options: RequestSessionOptions;
  readonly #closing = new AbortController();
  #fence: Fence | undefined;
  #pending: Pending[] = [];
  #link: VenueLink | undefined;
  #next = 1;
  #serving: Promise<void> | undefined;
  #isFlushDue = false;

  constructor(options: RequestSessionOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the request is on the venue's disk. Waits for a venue that is away. @throws {PermanentError} when the venue will never take it
   * @throws the signal's reason, and then the request may have been sent
   */
  async send(request: VenueRequest, fence: Fence, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#own(fence);
    const { promise, resolve: taken, reject: failed } = Promise.withResolvers<void>();
    const pending: Pending = { request, number: undefined, taken, failed };
    this.#pending.push(pending);
    const abort = (): void => {
      this.#pending = this.#pending.filter((one) => one !== pending);
      failed(signal.reason as Error);
    };
    signal.addEventListener("abort", abort, { once: true });
    try {
      this.#flushSoon();
      this.#serving ??= this.#serve().finally(() => {
        this.#serving = undefined;
      });
      await promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the session is closed"));
    this.#link?.cut(new Error("the session is closed"));
    await this.#serving;
  }

  /** @throws when the fence is a former owner's */
  #own(fence: Fence): void {
    const known = this.#fence;
    if (known?.epoch === fence.epoch && known.token === fence.token) return;
    if (known !== undefined && known.epoch >= fence.epoch) throw new Error("the partition has another owner");
    this.#fence = fence;
    if (known !== undefined) this.#abandon(new Error("the partition has another owner"));
  }

  /** Fails all that waits, and ends the connection. */
  #abandon(error: Error): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const { failed } of pending) failed(error);
    this.#link?.cut(error);
  }

  async #serve(): Promise<void> {
    const { venue, client, partition, log } = this.#options;
    const { signal } = this.#closing;
    let delayMs = leastDelayMs;
    while (this.#pending.length > 0 && !signal.aborted) {
      const fence = this.#fence as Fence;
      try {
        await using link = await VenueLink.open(venue, { client, partition, direction: "requests", fence }, signal);
        if (fence !== this.#fence) continue;
        if (delayMs > leastDelayMs) log.info({ venue: venue.name, partition }, "the venue is there again");
        delayMs = leastDelayMs;
        this.#link = link;
        this.#next = link.welcome.requests + 1;
        for (const pending of this.#pending) pending.number = undefined;
        this.#flushSoon();
        for await (const frame of link.frames()) {
          if (frame.type === "taken") this.#confirm(frame.requests, frame.refused ?? []);
        }
      } catch (error) {
        this.#link = undefined;
        if (signal.aborted) return;
        if (fence !== this.#fence) continue;
        const reason = error instanceof Error ? error : new Error(String(error));
        if (reason instanceof VenueRefusal && reason.code === "fenced") {
          this.#abandon(reason);
          return;
        }
        if (delayMs === leastDelayMs)
          log.warn({ venue: venue.name, partition, reason: reason.message }, "requests wait for a venue");
        await setTimeout(delayMs, undefined, { signal }).catch(() => undefined);
        delayMs = Math.min(delayMs * 2, mostDelayMs);
      }
    }
  }

  #confirm(upTo: number, refused: readonly { readonly request: number; readonly reason: string }[]): void {
    const reasons = new Map(refused.map(({ request, reason }) => [request, reason]));
    const isDone = ({ number }: Pending): boolean => number !== undefined && number <= upTo;
    const done = this.#pending.filter(isDone);
    this.#pending = this.#pending.filter((pending) => !isDone(pending));
    for (const { number, request, taken, failed } of done) {
      const reason = reasons.get(number as number);
      if (reason === undefined) taken();
      else failed(new PermanentError(`venue "${this.#options.venue.name}" refuses ${describe(request)}: ${reason}`));
    }
  }

  /** Sends what is not sent yet, together with what else comes in this turn of the loop. */
  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      if (this.#link === undefined) return;
      const unsent = this.#pending.filter(({ number }) => number === undefined);
      for (let from = 0; from < unsent.length; from += maxInFrame) {
        const batch = unsent.slice(from, from + maxInFrame);
        const first = this.#next;
        for (const pending of batch) pending.number = this.#next++;
        this.#link.send({ type: "requests", first, requests: batch.map(({ request }) => request) });
      }
    });
  }
}

function describe(request: VenueRequest): string {
  return request.kind === "cancel" ? `cancel ${request.cancelId} of ${request.orderId}` : `order ${request.orderId}`;
}
