/** Settling over Redis: acknowledgements alone by one script, those with outputs or state by another. */

import type { Membership, NewEntry, Settlement, SettleResult } from "../ports.ts";
import { numbersKept, numbersTtlMs, type StoreContext } from "./appender.ts";
import { takeEvictions } from "./evictions.ts";
import { scripts } from "./scripts.ts";
import { confirmed, type Verbs } from "./verbs.ts";

export class Settlements {
  readonly #verbs: Verbs;
  readonly #context: StoreContext;
  /** The last number used by each member. */
  readonly #numbers = new Map<string, number>();

  constructor(verbs: Verbs, context: StoreContext) {
    this.#verbs = verbs;
    this.#context = context;
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
    const { partition, component, member } = membership;
    const byChannel = new Map<string, { readonly ids: string[]; readonly order: number[]; recorded: number }>();
    for (const place of places) {
      const { deliveries, redelivered } = settlements[place] as Settlement;
      for (const { channel, entryId } of deliveries) {
        let group = byChannel.get(channel);
        if (group === undefined) {
          group = { ids: [], order: [], recorded: 0 };
          byChannel.set(channel, group);
        }
        // Those with an attempt record come first.
        if (redelivered) {
          group.ids.splice(group.recorded, 0, entryId);
          group.order.splice(group.recorded, 0, place);
          group.recorded++;
        } else {
          group.ids.push(entryId);
          group.order.push(place);
        }
      }
      results[place] = acked;
    }
    const keys = [
      this.#verbs.keys.members(partition, component),
      this.#verbs.keys.robbed(partition, component, member),
    ];
    const args: (string | number)[] = [component, member];
    let order: number[] = [];
    for (const [channel, { ids, order: places, recorded }] of byChannel) {
      keys.push(this.#verbs.keys.stream(partition, channel), this.#verbs.keys.attempts(partition, channel, component));
      args.push(ids.length, recorded, ...ids);
      order = order.concat(places);
    }
    const reply = String(await this.#verbs.send("ack", "Redis refused an acknowledgement", scripts.ack, keys, args));
    // A batch settles together: one fenced delivery fences it, and what else of it was acknowledged had no effects to lose.
    for (const word of reply === "" ? [] : reply.split(" ")) {
      results[order[Number(word) - 1] as number] = { outcome: "fenced" };
    }
  }

  async #settleEffects(
    membership: Membership,
    settlements: readonly Settlement[],
    places: readonly number[],
    results: SettleResult[],
  ): Promise<void> {
    const { partition, component, member } = membership;
    const keys = [
      this.#verbs.keys.members(partition, component),
      this.#verbs.keys.robbed(partition, component, member),
      this.#verbs.keys.numbers(partition, `m${member}`),
    ];
    const letters: string[] = [];
    const placeOf = new Map<string, number>();
    const use = (key: string, letter: "o" | "s" | "h"): number => {
      let place = placeOf.get(key);
      if (place === undefined) {
        place = keys.push(key);
        placeOf.set(key, place);
        letters.push(letter);
      } else if (letters[place - 4] !== letter) letters[place - 4] = "b";
      return place;
    };
    /** The streams with a hard cap, by their places. */
    const capped = new Map<number, { readonly channel: string; readonly cap: number }>();
    const body: (string | number)[] = [];
    for (const place of places) {
      const { deliveries, reads, writes, outputs, redelivered } = settlements[place] as Settlement;
      body.push(deliveries.length);
      for (const { channel, entryId } of deliveries) {
        const record = redelivered ? use(this.#verbs.keys.attempts(partition, channel, component), "h") : 0;
        body.push(use(this.#verbs.keys.stream(partition, channel), "s"), record, entryId);
      }
      body.push(reads.length);
      for (const { store, key, version } of reads) {
        body.push(use(this.#verbs.keys.state(partition, component, store), "h"), key, version);
      }
      body.push(writes.length);
      for (const { store, key, version, json } of writes) {
        const value = json === undefined ? "" : `${version} ${json}`;
        body.push(use(this.#verbs.keys.state(partition, component, store), "h"), key, value);
      }
      body.push(outputs.length);
      for (const { channel, values, cap } of outputs as readonly NewEntry[]) {
        const stream = use(this.#verbs.keys.stream(partition, channel), "o");
        if (cap !== 0) capped.set(stream, { channel, cap });
        body.push(stream);
        for (const value of values) body.push(value);
      }
    }
    const number = (this.#numbers.get(member) ?? 0) + 1;
    this.#numbers.set(member, number);
    const caps = [...capped].map(([place, { cap }]) => `${place}:${cap}`).join(" ");
    const head = [component, member, number, numbersKept, numbersTtlMs, letters.join(""), caps];
    const reply = await this.#verbs.send(
      "settle",
      "Redis refused a settlement",
      scripts.settle,
      keys,
      head.concat(body as never[]),
      confirmed,
    );
    const lines = String(reply).split("\n");
    takeEvictions(lines, partition, (place) => capped.get(place)?.channel ?? "", this.#context.onEvicted);
    for (const [i, line] of lines.entries()) {
      results[places[i] as number] = parseVerdict(line);
    }
  }
}

/** The result of a settlement without outputs. */
const acked: SettleResult = Object.freeze({ outcome: "acked", outputIds: Object.freeze([]) });

function parseVerdict(line: string): SettleResult {
  if (line.startsWith("acked "))
    return { outcome: "acked", outputIds: line.length === 6 ? [] : line.slice(6).split(" ") };
  if (line === "fenced" || line === "conflict") return { outcome: line };
  return { outcome: "refused", reason: line.replace(/^refused /, "") };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
