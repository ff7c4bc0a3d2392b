/** Settling over Redis: acknowledgements alone by one script, those with outputs or state by another. */

import type { Membership, Settlement, SettleResult } from "../ports.ts";
import { columnLetters, numbersKept, numbersTtlMs, type StoreContext } from "./appender.ts";
import { ArgWriter } from "./arg-writer.ts";
import { takeEvictions } from "./evictions.ts";
import { scripts } from "./scripts.ts";
import { CallsText } from "./settlement-log.ts";
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
    const calls = new CallsText();
    if (this.#keepsLog) for (const place of places) calls.add((settlements[place] as Settlement).deliveries);
    const keys = [
      this.#verbs.keys.members(partition, component),
      this.#verbs.keys.robbed(partition, component, member),
      this.#verbs.keys.settled(partition, component),
    ];
    const args: (string | number)[] = [component, member, calls.toString()];
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
    const log = this.#keepsLog ? keys.push(this.#verbs.keys.settled(partition, component)) : 0;
    const letters: string[] = this.#keepsLog ? ["o"] : [];
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
    const calls = new CallsText();
    const body = this.#body;
    body.clear();
    for (const place of places) {
      const { deliveries, reads, writes, outputs, redelivered } = settlements[place] as Settlement;
      if (this.#keepsLog) calls.add(deliveries);
      let layout = "";
      for (const { channel } of deliveries) {
        const stream = use(this.#verbs.keys.stream(partition, channel), "s");
        const record = redelivered ? `.${use(this.#verbs.keys.attempts(partition, channel, component), "h")}` : "";
        layout += layout === "" ? `${stream}${record}` : `,${stream}${record}`;
      }
      layout += "/";
      for (const { store } of reads) layout += `${use(this.#verbs.keys.state(partition, component, store), "h")},`;
      layout += "/";
      for (const { store } of writes) layout += `${use(this.#verbs.keys.state(partition, component, store), "h")},`;
      layout += "/";
      for (const { channel, values, cap } of outputs) {
        const stream = use(this.#verbs.keys.stream(partition, channel), "o");
        if (cap !== 0) capped.set(stream, { channel, cap });
        layout += `${stream}:${columnsOf(values)},`;
      }
      body.add(layout);
      for (const { entryId } of deliveries) body.add(entryId);
      for (const { key, version } of reads) {
        body.add(key);
        body.add(version);
      }
      for (const { key, version, json } of writes) {
        body.add(key);
        body.add(json === undefined ? "" : `${version} ${json}`);
      }
      for (const { values } of outputs) for (const value of values) if (value !== "") body.add(value);
    }
    const number = (this.#numbers.get(member) ?? 0) + 1;
    this.#numbers.set(member, number);
    let caps = "";
    for (const [place, { cap }] of capped) caps += `${place}:${cap} `;
    const head = [component, member, number, numbersKept, numbersTtlMs, letters.join(""), caps, log, calls.toString()];
    const reply = await this.#verbs.send(
      "settle",
      "Redis refused a settlement",
      scripts.settle,
      keys,
      { head, body },
      confirmed,
    );
    const lines = String(reply).split("\n");
    takeEvictions(lines, partition, (place) => capped.get(place)?.channel ?? "", this.#context.onEvicted);
    for (const [i, line] of lines.entries()) {
      results[places[i] as number] = parseVerdict(line);
    }
  }
}

/** One letter for each value that an output is given with, in their order; the scripts know them. */
function columnsOf(values: readonly string[]): string {
  let columns = "";
  for (let i = 0; i < values.length; i++) if (values[i] !== "") columns += columnLetters[i];
  return columns;
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
