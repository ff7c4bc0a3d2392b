/** Settling over Redis: acknowledgements alone by one script, those with outputs or state by another. */

import type { NewEntry, Target } from "../../ports/append.ts";
import type { DeliveryId, Membership, Settlement, SettleResult } from "../../ports/store.ts";
import { ArgWriter } from "../client/argument-writer.ts";
import { CallsWriter } from "../inspect/settlement-log.ts";
import { columnLetters, numbersKept, numbersTtlMs, type StoreContext } from "./appender.ts";
import { takeEvictions } from "./evictions.ts";
import { scripts } from "./scripts.ts";
import { confirmed, type Verbs } from "./verbs.ts";

export class Settlements {
  readonly #verbs: Verbs;
  readonly #context: StoreContext;
  readonly #keepsLog: boolean;
  /** Filled and sent within one call. */
  readonly #body: ArgWriter = new ArgWriter();
  /** The last number used by each member. */
  readonly #numbers = new Map<string, number>();

  constructor(verbs: Verbs, context: StoreContext, keepsLog: boolean) {
    this.#verbs = verbs;
    this.#context = context;
    this.#keepsLog = keepsLog;
  }

  async settle(membership: Membership, settlements: readonly Settlement[]): Promise<readonly SettleResult[]> {
    const results = new Array<SettleResult>(settlements.length);
    const plain: number[] = [];
    const effective: number[] = [];
    for (let place = 0; place < settlements.length; place++) {
      const { reads, writes, outputs } = settlements[place] as Settlement;
      (reads.length + writes.length + outputs.length === 0 ? plain : effective).push(place);
    }
    // Both are sent at once: only settlements with state depend on one another, and those all go the same way. When memory is full the
    // acknowledgements still succeed, so one way's refusal must not hide the other's success.
    const refuse =
      (places: readonly number[]) =>
      (error: unknown): void => {
        for (const place of places) results[place] = { outcome: "refused", reason: reasonOf(error) };
      };
    await Promise.all([
      plain.length === 0 ? undefined : this.#ack(membership, settlements, plain, results).catch(refuse(plain)),
      effective.length === 0
        ? undefined
        : this.#settleEffects(membership, settlements, effective, results).catch(refuse(effective)),
    ]);
    return results;
  }

  async #ack(
    membership: Membership,
    settlements: readonly Settlement[],
    places: readonly number[],
    results: SettleResult[],
  ): Promise<void> {
    const { partition, component, member, channels } = membership;
    for (const place of places) results[place] = acked;
    const keys = [
      this.#verbs.keys.members(partition, component),
      this.#verbs.keys.robbed(partition, component, member),
      this.#verbs.keys.settled(partition, component),
    ];
    const body = this.#body;
    body.clear();
    this.#addCalls(body, settlements, places);
    for (const channel of channels) {
      const recorded = countOf(channel, settlements, places, true);
      const count = recorded + countOf(channel, settlements, places, false);
      if (count === 0) continue;
      keys.push(this.#verbs.keys.stream(partition, channel), this.#verbs.keys.attempts(partition, channel, component));
      body.add(count);
      body.add(recorded);
      // Those with an attempt record come first.
      if (recorded > 0) addIds(body, channel, settlements, places, true);
      addIds(body, channel, settlements, places, false);
    }
    const reply = String(
      await this.#verbs.send("ack", "Redis refused an acknowledgement", scripts.ack, keys, {
        head: [component, member],
        body,
      }),
    );
    // A batch settles together: one fenced delivery fences it, and what else of it was acknowledged had no effects to lose.
    if (reply === "") return;
    const order = channels.flatMap((channel) =>
      [true, false].flatMap((isRecorded) =>
        places.flatMap((place) => {
          const { deliveries, redelivered } = settlements[place] as Settlement;
          return redelivered === isRecorded
            ? deliveries.flatMap((one) => (one.channel === channel ? [place] : []))
            : [];
        }),
      ),
    );
    for (const word of reply.split(" ")) {
      const isGone = word.startsWith("!");
      const place = order[Number(isGone ? word.slice(1) : word) - 1] as number;
      results[place] = isGone ? { outcome: "refused", reason: "NOGROUP its group is gone" } : { outcome: "fenced" };
    }
  }

  /** What the settlement log is to say of them; empty where none is kept. */
  #addCalls(body: ArgWriter, settlements: readonly Settlement[], places: readonly number[]): void {
    const calls = new CallsWriter(body);
    if (this.#keepsLog) for (const place of places) calls.add((settlements[place] as Settlement).deliveries);
    calls.end();
  }

  async #settleEffects(
    membership: Membership,
    settlements: readonly Settlement[],
    places: readonly number[],
    results: SettleResult[],
  ): Promise<void> {
    const { partition, component, member } = membership;
    const names = this.#verbs.keys;
    const sequence = names.numbers(partition, `m${member}`);
    const keys = new KeyTable([
      names.members(partition, component),
      names.robbed(partition, component, member),
      sequence,
    ]);
    const log = this.#keepsLog ? keys.place(names.settled(partition, component), "o") : 0;
    /** The streams with a hard cap, by their places. */
    const capped = new Map<number, Target>();
    const body = this.#body;
    body.clear();
    for (const place of places) {
      const settlement = settlements[place] as Settlement;
      const outputs = settlement.outputs.map(({ values }) => values);
      this.#addLayout(body, membership, settlement, outputs, keys);
      addValues(body, settlement, outputs);
      for (const { channel } of settlement.outputs) {
        if (channel.cap !== 0) capped.set(keys.place(names.stream(partition, channel.name), "o"), channel);
      }
    }
    this.#addCalls(body, settlements, places);
    const number = (this.#numbers.get(member) ?? 0) + 1;
    this.#numbers.set(member, number);
    let caps = "";
    for (const [place, { cap }] of capped) caps += `${place}:${cap} `;
    const head = [component, member, number, numbersKept, numbersTtlMs, keys.letters.join(""), caps, log];
    const reply = await this.#verbs.send(
      "settle",
      "Redis refused a settlement",
      scripts.settle,
      keys.names,
      { head, body },
      { ...confirmed, turn: { sequence, number } },
    );
    const lines = String(reply).split("\n");
    takeEvictions(lines, partition, (place) => capped.get(place)?.name ?? "", this.#context.onEvicted);
    for (let i = 0; i < lines.length; i++) results[places[i] as number] = parseVerdict(lines[i] as string);
  }

  #addLayout(
    body: ArgWriter,
    { partition, component }: Membership,
    { deliveries, reads, writes, outputs, redelivered }: Settlement,
    valuesOf: readonly (readonly string[])[],
    keys: KeyTable,
  ): void {
    const names = this.#verbs.keys;
    body.open();
    for (let d = 0; d < deliveries.length; d++) {
      const { channel } = deliveries[d] as DeliveryId;
      if (d > 0) body.part(",");
      body.number(keys.place(names.stream(partition, channel), "s"));
      if (!redelivered) continue;
      body.part(".");
      body.number(keys.place(names.attempts(partition, channel, component), "h"));
    }
    body.part("/");
    for (const { store } of reads) body.number(keys.place(names.state(partition, component, store), "h")).part(",");
    body.part("/");
    for (const { store } of writes) body.number(keys.place(names.state(partition, component, store), "h")).part(",");
    body.part("/");
    for (let o = 0; o < outputs.length; o++) {
      const { channel } = outputs[o] as NewEntry;
      const values = valuesOf[o] as readonly string[];
      if (o > 0) body.part(",");
      body.number(keys.place(names.stream(partition, channel.name), "o")).part(":");
      for (let i = 0; i < values.length; i++) if (values[i] !== "") body.part(columnLetters[i] as string);
    }
    body.close();
  }
}

/** How many deliveries of a channel have an attempt record, or none. */
function countOf(
  channel: string,
  settlements: readonly Settlement[],
  places: readonly number[],
  isRecorded: boolean,
): number {
  let count = 0;
  for (let p = 0; p < places.length; p++) {
    const { deliveries, redelivered } = settlements[places[p] as number] as Settlement;
    if (redelivered !== isRecorded) continue;
    for (let d = 0; d < deliveries.length; d++) if ((deliveries[d] as DeliveryId).channel === channel) count++;
  }
  return count;
}

/** Adds the entry ids of the same deliveries. */
function addIds(
  body: ArgWriter,
  channel: string,
  settlements: readonly Settlement[],
  places: readonly number[],
  isRecorded: boolean,
): void {
  for (let p = 0; p < places.length; p++) {
    const { deliveries, redelivered } = settlements[places[p] as number] as Settlement;
    if (redelivered !== isRecorded) continue;
    for (let d = 0; d < deliveries.length; d++) {
      const delivery = deliveries[d] as DeliveryId;
      if (delivery.channel === channel) body.add(delivery.entryId);
    }
  }
}

/** The values that a settlement's layout names; `outputs` are those of the entries. */
function addValues(
  body: ArgWriter,
  { deliveries, reads, writes }: Settlement,
  outputs: readonly (readonly string[])[],
): void {
  for (let d = 0; d < deliveries.length; d++) body.add((deliveries[d] as DeliveryId).entryId);
  for (const { key, version } of reads) {
    body.add(key);
    body.add(version);
  }
  for (const { key, version, json } of writes) {
    body.add(key);
    body.add(json === undefined ? "" : `${version} ${json}`);
  }
  for (let o = 0; o < outputs.length; o++) {
    const values = outputs[o] as readonly string[];
    for (let i = 0; i < values.length; i++) if (values[i] !== "") body.add(values[i] as string);
  }
}

/** The keys of one script call, each once, and what each is used for. */
class KeyTable {
  readonly names: string[];
  /** For each key after the first three: "o" appended to, "s" acknowledged on, "b" both, "h" a hash. */
  readonly letters: ("o" | "s" | "b" | "h")[] = [];
  readonly #places = new Map<string, number>();

  constructor(first: string[]) {
    this.names = first;
  }

  /** The key's place in KEYS. */
  place(name: string, letter: "o" | "s" | "h"): number {
    const known = this.#places.get(name);
    if (known === undefined) {
      const place = this.names.push(name);
      this.#places.set(name, place);
      this.letters.push(letter);
      return place;
    }
    if (this.letters[known - 4] !== letter) this.letters[known - 4] = "b";
    return known;
  }
}

/** The result of a settlement without outputs. */
const acked: SettleResult = Object.freeze({ outcome: "acked", outputIds: Object.freeze([]) });

/** Ids begin with a digit, words with a letter. */
const nine = 0x39;

function parseVerdict(line: string): SettleResult {
  if (line === "") return acked;
  if (line.charCodeAt(0) <= nine) return { outcome: "acked", outputIds: line.split(" ") };
  if (line === "fenced" || line === "conflict") return { outcome: line };
  return { outcome: "refused", reason: line.replace(/^refused /, "") };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
