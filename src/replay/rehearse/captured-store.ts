/** The store behind a replay of one partition: it settles in memory, and passes each settlement on. */

import type { ReadState } from "../../consume/state.ts";
import { type LogEntry, toLogEntry } from "../../inspect/entries/log-reader.ts";
import { wireEntry } from "../../model/envelope.ts";
import { requireWellFormed } from "../../model/well-formed-text.ts";
import type { NewEntry } from "../../ports/append.ts";
import type {
  AttemptRecord,
  DeliveryId,
  Membership,
  Obituary,
  Settlement,
  SettleResult,
  StreamStore,
} from "../../ports/store.ts";
import type { RetryTimers } from "../../ports/timers.ts";
import type { CapturedCall, CapturedWrite, StateValue } from "./captured-call.ts";

/** A settlement, without the facts of the call that the store does not know. */
export interface CapturedSettlement extends Pick<CapturedCall, "channel" | "outcome" | "error" | "outputs" | "writes"> {
  readonly entryIds: readonly string[];
}

/** Settles everything: no other member works on the partition, so nothing is refused, fenced or in conflict. */
export class CapturedStore
  implements Pick<StreamStore, "settle" | "isValidText" | "begin" | "park" | "bury">, Pick<RetryTimers, "schedule">
{
  readonly #partition: number;
  readonly #isText: (delivery: DeliveryId) => boolean;
  readonly #onSettled: (settled: CapturedSettlement) => void;
  /** JSON with its version, by store and key. */
  readonly #state = new Map<string, { readonly store: string; readonly key: string; version: string; json: string }>();
  readonly #ids: OutputIds;
  /** Parked deliveries with the number of their last attempt. All are due at once. */
  readonly #due: { readonly delivery: DeliveryId; readonly attempt: number }[] = [];

  constructor(
    partition: number,
    ids: OutputIds,
    isText: (delivery: DeliveryId) => boolean,
    onSettled: (settled: CapturedSettlement) => void,
  ) {
    this.#partition = partition;
    this.#ids = ids;
    this.#isText = isText;
    this.#onSettled = onSettled;
  }

  begin(_membership: Membership, _delivery: DeliveryId, attemptsBefore: number): Promise<AttemptRecord> {
    return Promise.resolve({ attempt: attemptsBefore + 1, crashes: 0, firstAt: 0 });
  }

  isValidText(_membership: Membership, delivery: DeliveryId): Promise<boolean> {
    return Promise.resolve(this.#isText(delivery));
  }

  park(): Promise<boolean> {
    return Promise.resolve(true);
  }

  schedule(_partition: number, delivery: DeliveryId, attempt: number): Promise<void> {
    this.#due.push({ delivery, attempt });
    return Promise.resolve();
  }

  /** Removes and gives the deliveries that wait for another attempt. */
  takeDue(): readonly { readonly delivery: DeliveryId; readonly attempt: number }[] {
    return this.#due.splice(0);
  }

  bury(_membership: Membership, { channel, entryId }: DeliveryId, { errorCode, error }: Obituary): Promise<string> {
    this.#onSettled({
      channel,
      entryIds: [entryId],
      outcome: "deadLettered",
      error: { code: errorCode, reason: error },
      outputs: [],
      writes: [],
    });
    return Promise.resolve(entryId);
  }

  settle(_membership: Membership, settlements: readonly Settlement[]): Promise<readonly SettleResult[]> {
    return Promise.resolve(settlements.map((settlement) => this.#settle(settlement)));
  }

  #settle({ deliveries, writes, outputs }: Settlement): SettleResult {
    const captured = outputs.map((output) => this.#append(output));
    for (const { store, key, version, json } of writes) {
      if (json === undefined) this.#state.delete(nameOf(store, key));
      else this.#state.set(nameOf(store, key), { store, key, version, json });
    }
    this.#onSettled({
      channel: deliveries[0]?.channel ?? "",
      entryIds: deliveries.map(({ entryId }) => entryId),
      outcome: "acked",
      error: undefined,
      outputs: captured,
      writes: writes.map(({ store, key, json }): CapturedWrite => ({ store, key, value: parsed(json) })),
    });
    return { outcome: "acked", outputIds: captured.map(({ entryId }) => entryId) };
  }

  #append({ channel, values }: NewEntry): LogEntry {
    return toLogEntry({ channel: channel.name, entryId: this.#ids.next(), fields: wireEntry(values) }, this.#partition);
  }

  readonly readState: ReadState = (store, key) => {
    const found = this.#state.get(nameOf(store, key));
    return Promise.resolve(found === undefined ? { version: "", json: undefined } : found);
  };

  /** Sets a state value. @throws {TypeError} on a value that has no JSON form. @throws {ChannelError} on a key that is not well-formed Unicode */
  give({ store, key, value }: StateValue): void {
    requireWellFormed("the state key", key);
    const json = JSON.stringify(value);
    if (json === undefined) throw new TypeError(`state "${store}", key "${key}": the value has no JSON form`);
    this.#state.set(nameOf(store, key), { store, key, version: "given", json });
  }

  *state(): Generator<StateValue, void, undefined> {
    for (const { store, key, json } of this.#state.values()) {
      yield { partition: this.#partition, store, key, value: JSON.parse(json) };
    }
  }
}

/** Makes rising entry ids for outputs, which are never appended, from the time of the call. */
export class OutputIds {
  #ms = 0;
  #sequence = 0;

  /** Sets the time of the next calls, epoch ms. A time before the last one is ignored. */
  at(ms: number): void {
    if (ms <= this.#ms) return;
    this.#ms = ms;
    this.#sequence = 0;
  }

  next(): string {
    return `${this.#ms}-${this.#sequence++}`;
  }
}

function parsed(json: string | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(json);
}

function nameOf(store: string, key: string): string {
  return `${store}\n${key}`;
}
