/** Two stores that are asked the same, and what each calls the same thing: entries by channel and number, epochs by the acquisition. */

import { compareIds } from "../../src/model/entry-ids.ts";
import type { StoredEntry } from "../../src/model/stored-entry.ts";
import type { Acquired, Claim, Look, OwnerRow, Renewed, Start } from "../../src/ports/own.ts";
import type { DueEntry } from "../../src/ports/read.ts";
import type { SettleReply } from "../../src/ports/settle.ts";
import type { Session } from "../../src/ports/slice-store.ts";
import type { GroupLook, Harness } from "./harness.ts";

/** An entry, and its id in each store. */
export interface Twin {
  readonly channel: string;
  readonly eventId: string;
  readonly ids: readonly string[];
}

/** One of the two stores. */
export class Side {
  readonly harness: Harness;
  readonly session: Session;
  /** Its place among the ids of a twin. */
  readonly place: number;
  readonly #names = new Map<string, string>();
  readonly #epochs = new Map<number, string>([[0, "none"]]);

  constructor(harness: Harness, session: Session, place: number) {
    this.harness = harness;
    this.session = session;
    this.place = place;
  }

  idOf(twin: Twin | undefined): string {
    return twin?.ids[this.place] ?? "0-0";
  }

  learn({ channel, ids }: Twin, number: number): void {
    this.#names.set(`${channel}/${ids[this.place]}`, `${channel}#${number}`);
  }

  learnEpoch(epoch: number, name: string): void {
    this.#epochs.set(epoch, name);
  }

  nameOf(channel: string, id: string): string {
    return id === "0-0" ? id : (this.#names.get(`${channel}/${id}`) ?? `unknown ${id}`);
  }

  claim({ epoch, owner }: Claim): object {
    return { epoch: this.#epochs.get(epoch) ?? `unknown ${epoch}`, owner };
  }

  row(row: OwnerRow | undefined): unknown {
    if (row === undefined) return "none";
    const { beat, seq, wanted } = row; // a store may give more
    return { ...this.claim(row), beat, seq, wanted };
  }

  look({ row, isBehind }: Look): unknown {
    return { row: this.row(row), isBehind };
  }

  /** `isCounted`: how many entries of a channel were read is known. The store in memory does not count what was removed before that. */
  acquired(acquired: Acquired, isCounted: (channel: string) => boolean): unknown {
    if (acquired.outcome === "lost") return { ...acquired, row: this.row(acquired.row) };
    const { epoch, starts, ...rest } = acquired;
    return {
      ...rest,
      epoch: this.#epochs.get(epoch),
      starts: starts.map((start) => this.#start(start, isCounted(start.channel))),
    };
  }

  renewed(renewed: Renewed): unknown {
    if (renewed.outcome === "fenced") return { ...renewed, row: this.row(renewed.row) };
    if (renewed.outcome === "regressed") return renewed;
    // What was removed before the component had it is counted by the one over Redis alone.
    const { outcome, wanted, remade, strangers } = renewed;
    return { outcome, wanted, remade, strangers };
  }

  /** Without ids, which the twins learn, and reasons, which are the server's own words. */
  settled(reply: SettleReply): unknown {
    if (reply.outcome === "fenced") return { ...reply, row: this.row(reply.row) };
    if (reply.outcome !== "settled") return reply;
    const results = reply.results.map((one) => (one.outcome === "settled" ? one.ids.length : one.outcome));
    return { ...reply, results };
  }

  due(entries: readonly DueEntry[]): unknown {
    return entries.map(({ channel, entryId, record }) => ({
      entry: this.nameOf(channel, entryId),
      record: { ...record, dueInMs: record.dueInMs > 0 },
    }));
  }

  entries(entries: readonly StoredEntry[]): unknown {
    return entries.map(({ channel, entryId, fields }) => ({ entry: this.nameOf(channel, entryId), fields }));
  }

  group(channel: string, group: GroupLook | undefined): unknown {
    if (group === undefined) return "none";
    const { lastDelivered, pending, consumers } = group;
    return {
      lastDelivered: this.nameOf(channel, lastDelivered),
      pending: pending.map((id) => this.nameOf(channel, id)),
      consumers,
    };
  }

  letters(channel: string, letters: readonly Readonly<Record<string, string>>[]): unknown {
    return letters.map(({ id, ...fields }) => ({
      id,
      entry: this.nameOf(channel, fields["dead-entry"] ?? ""),
      code: fields["dead-code"],
      error: fields["dead-error"],
      attempts: fields["dead-attempts"],
    }));
  }

  #start({ channel, at, open, begun, counts, entriesRead, ...rest }: Start, isCounted: boolean): unknown {
    const inOrder = [...counts].sort((a, b) => compareIds(a.entryId, b.entryId));
    return {
      ...rest,
      ...(isCounted ? { entriesRead } : {}),
      channel,
      at: this.nameOf(channel, at),
      open: open.map((id) => this.nameOf(channel, id)),
      begun: begun.map((id) => this.nameOf(channel, id)),
      counts: inOrder.map(({ entryId, record }) => ({
        entry: this.nameOf(channel, entryId),
        record: { ...record, dueInMs: record.dueInMs > 0 },
      })),
    };
  }
}
