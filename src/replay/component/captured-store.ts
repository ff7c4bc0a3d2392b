/** The store behind a replay of one partition: it settles in memory, and passes each settlement on. */

import { type LogEntry, toLogEntry } from "../../inspect/entries/log-reader.ts";
import { wireEntry } from "../../model/envelope.ts";
import { requireWellFormed } from "../../model/well-formed-text.ts";
import type { DeliveryId } from "../../ports/delivery.ts";
import type { AttemptCount, Claim } from "../../ports/own.ts";
import type { StateKey } from "../../ports/read.ts";
import type { Batch, Output, Settlement, SettleReply, SettleResult } from "../../ports/settle.ts";
import type { Session } from "../../ports/slice-store.ts";
import type { CapturedCall, CapturedWrite, StateValue } from "./captured-call.ts";

/** A settlement, without the facts of the call that the store does not know. */
export interface CapturedSettlement extends Pick<CapturedCall, "channel" | "outcome" | "error" | "outputs" | "writes"> {
  readonly entryIds: readonly string[];
}

/** Settles everything: nobody else works on the partition, so nothing is refused or fenced. */
export class CapturedStore implements Pick<Session, "settle" | "count" | "isValidText" | "readState"> {
  readonly #isText: (delivery: DeliveryId) => boolean;
  readonly #onSettled: (settled: CapturedSettlement) => void;
  /** JSON by store and key. */
  readonly #state = new Map<string, StateKey & { readonly json: string }>();
  readonly #ids: OutputIds;

  constructor(
    ids: OutputIds,
    isText: (delivery: DeliveryId) => boolean,
    onSettled: (settled: CapturedSettlement) => void,
  ) {
    this.#ids = ids;
    this.#isText = isText;
    this.#onSettled = onSettled;
  }

  count(_claim: Claim, _entry: DeliveryId, attempt: number): Promise<AttemptCount> {
    return Promise.resolve({ attempt, starts: 0, dueInMs: 0 });
  }

  isValidText(delivery: DeliveryId): Promise<boolean> {
    return Promise.resolve(this.#isText(delivery));
  }

  readState(keys: readonly StateKey[]): Promise<readonly (string | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.#state.get(nameOf(key))?.json));
  }

  settle(_claim: Claim, { settlements }: Batch): Promise<SettleReply> {
    const results = settlements.map(
      (settlement): SettleResult => ({ outcome: "settled", ids: this.#settle(settlement) }),
    );
    return Promise.resolve({ outcome: "settled", results, wanted: "", remade: [] });
  }

  #settle(settlement: Settlement): readonly string[] {
    const [{ channel = "" } = {}] = settlement.entries;
    const entryIds = settlement.entries.map(({ entryId }) => entryId);
    if (settlement.kind === "buried") {
      const { errorCode: code, error: reason } = settlement.obituary;
      const error = { code, reason };
      this.#onSettled({ channel, entryIds, outcome: "deadLettered", error, outputs: [], writes: [] });
      return entryIds;
    }
    if (settlement.kind !== "acked") return [];
    const outputs = settlement.outputs.map((output) => this.#append(output));
    for (const { store, key, json } of settlement.changes) {
      if (json === undefined) this.#state.delete(nameOf({ store, key }));
      else this.#state.set(nameOf({ store, key }), { store, key, json });
    }
    const writes = settlement.changes.map(
      ({ store, key, json }): CapturedWrite => ({ store, key, value: parsed(json) }),
    );
    this.#onSettled({ channel, entryIds, outcome: "acked", error: undefined, outputs, writes });
    return outputs.map(({ entryId }) => entryId);
  }

  #append({ partition, entry: { channel, values } }: Output): LogEntry {
    return toLogEntry({ channel: channel.name, entryId: this.#ids.next(), fields: wireEntry(values) }, partition);
  }

  /** Sets a state value. @throws {TypeError} on a value that has no JSON form. @throws {ChannelError} on a key that is not well-formed Unicode */
  give({ store, key, value }: StateValue): void {
    requireWellFormed("the state key", key);
    const json = JSON.stringify(value);
    if (json === undefined) throw new TypeError(`state "${store}", key "${key}": the value has no JSON form`);
    this.#state.set(nameOf({ store, key }), { store, key, json });
  }

  *state(): Generator<Omit<StateValue, "partition">, void, undefined> {
    for (const { store, key, json } of this.#state.values()) yield { store, key, value: JSON.parse(json) };
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

function nameOf({ store, key }: StateKey): string {
  return `${store}\n${key}`;
}
