/** One event on its way into the log: what tracing is told of it, what is appended, and what its publisher gets back. */

import type { Channel, Correlation } from "../channel.ts";
import { encodeEntry } from "../envelope.ts";
import { PublishError } from "../errors.ts";
import type { Cause, Published } from "../event.ts";
import type { Appended, NewEntry, Sending, SendSpan } from "../ports.ts";
import type { AppendOutcome } from "./batcher.ts";

/** Validated and encoded when it is made. An object for all of it: a publish costs little more than the objects that are made for it. */
export class Publication implements Sending, AppendOutcome {
  readonly channel: Channel<unknown>;
  readonly partition: number;
  readonly eventId: string;
  readonly correlation: Correlation;
  readonly causes: readonly Cause[];
  readonly baggage: Readonly<Record<string, string>> | undefined;
  readonly #time: number;
  readonly #key: string;
  readonly #json: string;
  #span: SendSpan | undefined;
  #resolve: ((published: Published) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  constructor(
    channel: Channel<unknown>,
    partition: number,
    eventId: string,
    time: number,
    key: string,
    json: string,
    correlation: Correlation,
    causes: readonly Cause[],
    baggage: Readonly<Record<string, string>> | undefined,
  ) {
    this.channel = channel;
    this.partition = partition;
    this.eventId = eventId;
    this.#time = time;
    this.#key = key;
    this.#json = json;
    this.correlation = correlation;
    this.causes = causes;
    this.baggage = baggage;
  }

  /** What is to be appended, under this span. */
  entryUnder(span: SendSpan): NewEntry {
    this.#span = span;
    const { channel, eventId, causes } = this;
    return {
      channel: channel.name,
      values: encodeEntry(eventId, this.#time, this.#key, this.#json, span.carrier, causes),
      dedupeWindowMs: channel.dedupeWindowMs,
      cap: channel.cap,
    };
  }

  /** Resolves when it is appended. */
  published(): Promise<Published> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  done(results: readonly Appended[], first: number): void {
    try {
      this.#resolve?.(this.appended(results[first] as Appended));
    } catch (refused) {
      this.#reject?.(refused);
    }
  }

  failed(error: unknown): void {
    this.#span?.failed(error);
    this.#reject?.(error);
  }

  /** Ends its span. @throws {PublishError} when it was refused */
  appended(result: Appended): Published {
    const { channel, eventId: id } = this;
    if ("refused" in result) {
      const error = new PublishError("rejected", `channel "${channel.name}" cannot be appended to: ${result.refused}`);
      this.#span?.failed(error);
      throw error;
    }
    this.#span?.sent(result.entryId);
    const { entryId, isRepeat } = result;
    return { id, channel: channel.name, entryId, traceparent: this.#span?.carrier.traceparent ?? "", isRepeat };
  }
}
