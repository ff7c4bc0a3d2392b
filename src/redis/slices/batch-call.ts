/** One call of the script that settles a batch (settle-batch.lua): how it is written, and how its reply is read. */

import { compareIds } from "../../model/entry-ids.ts";
import type { Evicted, Target } from "../../ports/append.ts";
import type { Claim, Slice } from "../../ports/own.ts";
import {
  type Batch,
  type Output,
  type Position,
  type SettledEntry,
  type Settlement,
  type SettleReply,
  type SettleResult,
  type StateChange,
  settlePipeline,
} from "../../ports/settle.ts";
import type { ArgWriter } from "../client/argument-writer.ts";
import type { ScriptArgs } from "../client/script-command.ts";
import { addRuns } from "../inspect/settled-runs.ts";
import { CallsWriter } from "../inspect/settlement-log.ts";
import type { Keys } from "../keys.ts";
import type { Script } from "../script-source.ts";
import { columnLetters } from "../store/appender.ts";
import { KeyTable } from "./key-table.ts";
import { listedIn, sharedLocks } from "./listed-settlements.ts";
import { parseRow, type RowReply } from "./row.ts";
import { sliceScripts } from "./scripts.ts";

export interface BatchContext {
  readonly names: Keys;
  readonly slice: Slice;
  readonly keepsLog: boolean;
  /** Outputs for other partitions are left in the slice's relay. */
  readonly relays: boolean;
  /** Filled and sent within one turn. */
  readonly body: ArgWriter;
  readonly onEvicted: (evicted: Evicted) => void;
}

/** A stream with a hard cap that outputs go to. */
interface Capped {
  readonly partition: number;
  readonly channel: Target;
}

export class BatchCall {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: ScriptArgs;
  readonly #context: BatchContext;
  readonly #settlements: readonly Settlement[];
  /** Those that the script may refuse by themselves. The others are settled whenever the batch is. */
  readonly #listed: readonly number[];
  /** By their places among the keys. */
  readonly #capped = new Map<number, Capped>();

  constructor(context: BatchContext, claim: Claim, batch: Batch) {
    const { number, settlements, positions } = batch;
    const { names, slice, keepsLog, body } = context;
    const { component, partition } = slice;
    this.#context = context;
    this.#settlements = settlements;
    this.#listed = listedIn(settlements);
    const hasEffects = this.#listed.length > 0;
    const keys = new KeyTable([names.owner(partition, component), names.settled(partition, component)]);
    for (const { channel } of positions) {
      keys.names.push(
        names.stream(partition, channel),
        names.attempts(partition, channel, component),
        names.parked(partition, channel, component),
      );
    }
    body.clear();
    const calls = new CallsWriter(body);
    if (keepsLog) for (const { kind, entries } of settlements) if (kind === "acked") calls.add(entries);
    calls.end();
    addRuns(body, keepsLog, claim, batch);
    this.#addPositions(positions);
    if (hasEffects) this.#addListed(positions, keys);
    let caps = "";
    for (const [place, { channel }] of this.#capped) caps += `${place}:${channel.cap} `;
    const letters = keys.letters.join("");
    const flags = [hasEffects ? 1 : 0, keepsLog ? 1 : 0];
    const head = [
      claim.epoch,
      claim.owner,
      component,
      number,
      settlePipeline,
      positions.length,
      letters,
      caps,
      ...flags,
    ];
    this.script = hasEffects ? sliceScripts.settle : sliceScripts.acknowledge;
    this.keys = keys.names;
    this.args = { head, body };
  }

  parse(reply: unknown): SettleReply {
    if (reply === "") return { outcome: "settled", results: this.#results(""), wanted: "", remade: [] };
    const [outcome, ...rest] = reply as readonly [SettleReply["outcome"], ...unknown[]];
    switch (outcome) {
      case "fenced":
        return { outcome, row: parseRow(rest[0] as RowReply) };
      case "ahead":
        return { outcome, seq: Number(rest[0]) };
      case "regressed":
        return { outcome };
      default: {
        const [wanted = "", told = "", evictions = ""] = rest as string[];
        this.#tellEvictions(evictions);
        const end = told.indexOf("\n");
        const remade = end < 0 ? told : told.slice(0, end);
        const results = this.#results(end < 0 ? "" : told.slice(end + 1));
        return { outcome: "settled", results, wanted, remade: remade === "" ? [] : remade.split(" ") };
      }
    }
  }

  #results(text: string): readonly SettleResult[] {
    const results = new Array<SettleResult>(this.#settlements.length).fill(settled);
    if (text === "") return results;
    const lines = text.split("\n");
    for (let i = 0; i < lines.length; i++) {
      const place = this.#listed[i] as number;
      results[place] = this.#withoutRelayed(this.#settlements[place] as Settlement, parseResult(lines[i] as string));
    }
    return results;
  }

  /** An output in a relay has no id in its channel yet. */
  #withoutRelayed(settlement: Settlement, result: SettleResult): SettleResult {
    if (!this.#context.relays || settlement.kind !== "acked" || result.outcome !== "settled") return result;
    const ids = result.ids.map((id, o) => (this.#isRelayed(settlement.outputs[o] as Output) ? "" : id));
    return { outcome: "settled", ids };
  }

  #isRelayed({ partition }: Output): boolean {
    return this.#context.relays && partition !== this.#context.slice.partition;
  }

  #tellEvictions(text: string): void {
    if (text === "") return;
    for (const line of text.split("\n")) {
      const [place = 0, removed = 0, unfinished = 0] = line.split(" ").map(Number);
      const { partition, channel } = this.#capped.get(place) as Capped;
      this.#context.onEvicted({ channel: channel.name, partition, removed, unfinished });
    }
  }

  #addPositions(positions: readonly Position[]): void {
    const { body } = this.#context;
    const isListed = new Set(this.#listed);
    for (const { channel, at, entriesRead, open } of positions) {
      let newest = "";
      const gone: string[] = [];
      const noted: string[] = [];
      for (let place = 0; place < this.#settlements.length; place++) {
        const settlement = this.#settlements[place] as Settlement;
        const isGone = settlement.kind === "buried" && settlement.isGone;
        for (const entry of settlement.entries) {
          if (entry.channel !== channel) continue;
          if (isGone) gone.push(entry.entryId);
          else if (newest === "" || compareIds(entry.entryId, newest) > 0) newest = entry.entryId;
          if (entry.isNoted && !isListed.has(place)) noted.push(entry.entryId);
        }
      }
      body.add(channel);
      body.add(at);
      body.add(entriesRead ?? "");
      body.add(open.join(" "));
      body.add(newest);
      body.add(gone.join(" "));
      body.add(noted.length);
      for (const id of noted) body.add(id);
    }
  }

  #addListed(positions: readonly Position[], keys: KeyTable): void {
    const channels = new Map(positions.map(({ channel }, i) => [channel, i + 1]));
    const locks = sharedLocks(this.#listed.map((place) => this.#settlements[place] as Settlement));
    for (const place of this.#listed) {
      const settlement = this.#settlements[place] as Settlement;
      const held = settlement.locks.flatMap((lock) => locks.get(lock) ?? []);
      const { outputs, changes } = settlement.kind === "acked" ? settlement : noEffects;
      const valuesOf = outputs.map(({ entry }) => entry.values);
      this.#addLayout(settlement, held.length > 0, valuesOf, channels, keys);
      this.#addValues(settlement, held, keys);
      this.#addEffects(changes, outputs, valuesOf);
    }
  }

  #addLayout(
    settlement: Settlement,
    hasLocks: boolean,
    valuesOf: readonly (readonly string[])[],
    channels: ReadonlyMap<string, number>,
    keys: KeyTable,
  ): void {
    const { body, names, slice } = this.#context;
    const { component, partition } = slice;
    const { outputs, changes } = settlement.kind === "acked" ? settlement : noEffects;
    body.open();
    body.part(kindLetters[settlement.kind]);
    if (hasLocks) body.part("+");
    body.part("/");
    const { entries } = settlement;
    for (let e = 0; e < entries.length; e++) {
      const { channel, isNoted } = entries[e] as SettledEntry;
      if (e > 0) body.part(",");
      body.number(channels.get(channel) as number);
      if (isNoted) body.part(".");
    }
    body.part("/");
    for (const { store } of changes) body.number(keys.place(names.state(partition, component, store), "h")).part(",");
    body.part("/");
    for (let o = 0; o < outputs.length; o++) {
      const output = outputs[o] as Output;
      const { partition: to, entry } = output;
      const values = valuesOf[o] as readonly string[];
      const isRelayed = this.#isRelayed(output);
      const stream = isRelayed ? names.relay(partition, component, to) : names.stream(to, entry.channel.name);
      const place = keys.place(stream, "o");
      if (entry.channel.cap !== 0 && !isRelayed) this.#capped.set(place, { partition: to, channel: entry.channel });
      if (o > 0) body.part(",");
      body.number(place).part(isRelayed ? ":cl" : ":");
      for (let i = 0; i < values.length; i++) if (values[i] !== "") body.part(columnLetters[i] as string);
    }
    body.close();
  }

  #addValues(settlement: Settlement, locks: readonly number[], keys: KeyTable): void {
    const { body, names, slice } = this.#context;
    if (locks.length > 0) body.add(locks.join(","));
    for (const { entryId } of settlement.entries) body.add(entryId);
    if (settlement.kind === "parked" || settlement.kind === "blocked") {
      body.add(settlement.attempt);
      body.add(Math.round(settlement.delayMs));
    } else if (settlement.kind === "buried") {
      const [{ channel } = { channel: "" }] = settlement.entries;
      const { errorCode, error, attempts, traceparent } = settlement.obituary;
      body.add(keys.place(names.dead(slice.partition, channel, slice.component), "o"));
      for (const value of [errorCode, error, attempts, traceparent]) body.add(value);
    }
  }

  #addEffects(
    changes: readonly StateChange[],
    outputs: readonly Output[],
    valuesOf: readonly (readonly string[])[],
  ): void {
    const { body } = this.#context;
    for (const { key, json } of changes) {
      body.add(key);
      body.add(json ?? "");
    }
    for (let o = 0; o < valuesOf.length; o++) {
      const values = valuesOf[o] as readonly string[];
      const output = outputs[o] as Output;
      if (this.#isRelayed(output)) {
        body.add(output.entry.channel.name);
        body.add(output.entry.channel.cap);
      }
      for (let i = 0; i < values.length; i++) if (values[i] !== "") body.add(values[i] as string);
    }
  }
}

const noEffects = { outputs: [], changes: [] } as const;

/** The result of a settlement without ids. */
const settled: SettleResult = Object.freeze({ outcome: "settled", ids: Object.freeze([]) });

function parseResult(line: string): SettleResult {
  if (line === "") return settled;
  if (line.startsWith("!")) return { outcome: "refused", reason: line.slice(1) };
  return { outcome: "settled", ids: line.split(" ") };
}

/** As the script calls them. */
const kindLetters = { acked: "a", parked: "p", blocked: "b", buried: "d" } as const;
