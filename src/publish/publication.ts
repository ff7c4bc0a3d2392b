/** A publish outside of any handler, from its span to the publisher's receipt. */

import { PublishError } from "../model/errors.ts";
import type { Published } from "../model/event.ts";
import { plain } from "../model/plain-objects.ts";
import type { Appended, NewEntry } from "../ports/append.ts";
import type { Group } from "./batcher.ts";
import { Outgoing } from "./outgoing.ts";

/** One event that its publisher waits for. */
export class Publication extends Outgoing implements Group {
  readonly atomic: boolean = false;
  readonly count: number = 1;
  expiresAt = 0;
  #resolve: ((published: Published) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  get entries(): readonly NewEntry[] {
    return [this];
  }

  /** Resolves when the event is appended; rejects with the `PublishError` of a publish that was not confirmed. */
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
    this.unsent(error);
    this.#reject?.(error);
  }

  /** Ends the span and gives the receipt. @throws {PublishError} when Redis refused the event */
  appended(result: Appended): Published {
    if ("refused" in result) {
      const error = new PublishError(
        "rejected",
        `channel "${this.channel.name}" cannot be appended to: ${result.refused}`,
      );
      this.unsent(error);
      throw error;
    }
    const { entryId, isRepeat } = result;
    this.sent(entryId);
    return new Receipt(this, entryId, isRepeat);
  }
}

const Receipt = plain<Published, [event: Outgoing, entryId: string, isRepeat: boolean]>(
  function (event, entryId, isRepeat) {
    this.id = event.eventId;
    this.channel = event.channel.name;
    this.entryId = entryId;
    this.traceparent = event.carrier.traceparent;
    this.isRepeat = isRepeat;
  },
);

/** The events of a `publishAll`: all are appended, or none is. */
export class PublishedTogether implements Group {
  readonly entries: readonly Publication[];
  readonly atomic: boolean = true;
  expiresAt = 0;
  readonly #done: (results: readonly Appended[]) => void;
  readonly #failed: (error: unknown) => void;

  constructor(
    entries: readonly Publication[],
    done: (results: readonly Appended[]) => void,
    failed: (error: unknown) => void,
  ) {
    this.entries = entries;
    this.#done = done;
    this.#failed = failed;
  }

  get count(): number {
    return this.entries.length;
  }

  get size(): number {
    let size = 0;
    for (const entry of this.entries) size += entry.size;
    return size;
  }

  done(results: readonly Appended[], first: number): void {
    this.#done(results.slice(first));
  }

  failed(error: unknown): void {
    for (const entry of this.entries) entry.unsent(error);
    this.#failed(error);
  }
}
