/** A session of a slice: its verbs over one link, answered in the order of the calls. Each calls the script of its name, whose head is the contract. */

import { isUtf8 } from "node:buffer";
import { compareIds } from "../../model/entry-ids.ts";
import { StoreError } from "../../model/errors.ts";
import type { StoredEntry } from "../../model/stored-entry.ts";
import type { DeliveryId } from "../../ports/delivery.ts";
import type { Log } from "../../ports/log.ts";
import type { Acquired, Acquisition, Claim, Look, NewestRead, Renewed, Slice } from "../../ports/own.ts";
import type { Cursor, DueEntry, StateKey } from "../../ports/read.ts";
import { type RelayPage, relayKeptMs } from "../../ports/relay.ts";
import type { Batch, SettleReply } from "../../ports/settle.ts";
import type { Session } from "../../ports/slice-store.ts";
import type { ScriptArgs } from "../client/script-command.ts";
import type { Keys } from "../keys.ts";
import { stateJson } from "../state-value.ts";
import type { StoreContext } from "../store/appender.ts";
import { acquireArgs, keysOf, parseAcquired } from "./acquisition.ts";
import { AnswerQueue } from "./answer-queue.ts";
import { BatchCall, type BatchContext } from "./batch-call.ts";
import { CursorReader } from "./cursor-reader.ts";
import { parseRow, type RowReply } from "./row.ts";
import { sliceScripts } from "./scripts.ts";
import type { ServerLink } from "./server-link.ts";
import { countOf, type DueReply, meddlingOf, type TendReply } from "./session-replies.ts";
import { Turns } from "./turns.ts";

/** Channels that one call looks at: a component of thousands is not to hold up the server. */
const dueAtOnce = 500;
const tendedAtOnce = 100;

export interface SessionContext extends Pick<StoreContext, "namespace">, Omit<BatchContext, "slice"> {
  readonly log: Log;
  /** The link of the moment, to the node that has the key. */
  readonly link: (key: string) => ServerLink;
}

export class SliceSession implements Session {
  readonly #context: SessionContext;
  readonly #names: Keys;
  readonly #slice: Slice;
  readonly #channels: readonly string[];
  readonly #answers = new AnswerQueue();
  readonly #dueTurns: Turns;
  readonly #tendTurns: Turns;
  /** Set with the first call. */
  #link: ServerLink | undefined;
  #leaveLink: (() => void) | undefined;
  #reader: CursorReader | undefined;

  constructor(context: SessionContext, slice: Slice, channels: readonly string[]) {
    this.#context = context;
    this.#names = context.names;
    this.#slice = slice;
    this.#channels = channels;
    this.#dueTurns = new Turns(channels, dueAtOnce);
    this.#tendTurns = new Turns(channels, tendedAtOnce);
  }

  look(newest: readonly NewestRead[]): Promise<Look> {
    const { partition } = this.#slice;
    const keys = [this.#rowKey, ...newest.map(({ channel }) => this.#names.stream(partition, channel))];
    const ids = newest.map(({ entryId }) => entryId);
    return this.#call(async (link) => {
      const [row, ...eventIds] = (await link.run(sliceScripts.look, keys, ids)) as [RowReply, ...(string | null)[]];
      return { row: parseRow(row), isBehind: newest.some(({ eventId }, i) => eventIds[i] !== eventId) };
    });
  }

  acquire(acquisition: Acquisition): Promise<Acquired> {
    const { namespace } = this.#context;
    const keys = keysOf(this.#names, this.#slice, this.#channels);
    const args = acquireArgs(this.#slice, this.#channels, acquisition);
    return this.#call(async (link, short) => {
      const reply = await link.run(sliceScripts.acquire, keys, args);
      const acquired = parseAcquired(this.#channels, reply);
      if (acquired.outcome === "lost") return acquired;
      // Only now, when no key is in the way: who is refused writes nothing.
      await namespace.claim((script, metaKeys, metaArgs) => link.run(script, metaKeys, metaArgs));
      await link.confirmed(short);
      return acquired;
    });
  }

  renew(claim: Claim, newest: readonly NewestRead[] | undefined, late: readonly DeliveryId[]): Promise<Renewed> {
    const proof = [claim.epoch, claim.owner];
    if (newest === undefined || this.#channels.length === 0) return this.#renewRow(proof);
    const channels = [...new Set([...late.map(({ channel }) => channel), ...this.#tendTurns.next()])];
    const [row = "", ...channelKeys] = keysOf(this.#names, this.#slice, channels);
    const keys = [row, this.#names.trimmed(this.#slice.partition), ...channelKeys];
    const args: (string | number)[] = [...proof, this.#slice.component];
    for (const channel of channels) {
      const ids = late.flatMap((entry) => (entry.channel === channel ? [entry.entryId] : []));
      const { entryId = "", entriesRead = "" } = newest.find((entry) => entry.channel === channel) ?? {};
      args.push(channel, entryId, entriesRead, ids.length, ...ids);
    }
    return this.#call(async (link) => {
      // Sent together.
      const replies = [link.run(sliceScripts.renew, [row], proof), link.run(sliceScripts.tend, keys, args)];
      const [renewed, tended] = (await Promise.all(replies)) as [string | RowReply, TendReply];
      if (typeof renewed !== "string") return { outcome: "fenced", row: parseRow(renewed) };
      if (tended[0] === "fenced") return { outcome: "fenced", row: parseRow(tended[1]) };
      if (tended[0] === "regressed") return { outcome: "regressed" };
      const [, remade, strangers, losses] = tended;
      return { outcome: "renewed", wanted: renewed, remade, ...meddlingOf(strangers, losses) };
    });
  }

  #renewRow(proof: ScriptArgs): Promise<Renewed> {
    return this.#call(async (link) => {
      const renewed = (await link.run(sliceScripts.renew, [this.#rowKey], proof)) as string | RowReply;
      if (typeof renewed !== "string") return { outcome: "fenced", row: parseRow(renewed) };
      return { outcome: "renewed", wanted: renewed, remade: [] };
    });
  }

  want(seen: Claim, member: string): Promise<void> {
    const args = [seen.epoch, seen.owner, member];
    return this.#call(async (link) => void (await link.run(sliceScripts.want, [this.#rowKey], args)));
  }

  release({ epoch, owner }: Claim, seq: number): Promise<boolean> {
    const args = [epoch, owner, seq];
    return this.#call(async (link) => (await link.run(sliceScripts.release, [this.#rowKey], args)) === 1);
  }

  settle(claim: Claim, batch: Batch): Promise<SettleReply> {
    return this.#call(async (link, short) => {
      const call = new BatchCall({ ...this.#context, slice: this.#slice }, claim, batch);
      let reply: SettleReply;
      try {
        reply = call.parse(await link.run(call.script, call.keys, call.args));
      } catch (error) {
        if (link.isLost || !(error instanceof StoreError)) throw error;
        return { outcome: "refused", reason: error.message };
      }
      // A lost acknowledgement without effects only runs its handler again.
      if (reply.outcome === "settled" && call.script === sliceScripts.settle) await link.confirmed(short);
      return reply;
    });
  }

  count({ epoch, owner }: Claim, { channel, entryId }: DeliveryId, attempt: number): ReturnType<Session["count"]> {
    const { component, partition } = this.#slice;
    const keys = [
      this.#rowKey,
      this.#names.attempts(partition, channel, component),
      this.#names.parked(partition, channel, component),
    ];
    const args = [epoch, owner, channel, entryId, attempt];
    return this.#call(async (link) => {
      const reply = (await link.run(sliceScripts.count, keys, args)) as [string, string, string] | null;
      return reply === null ? undefined : countOf(reply);
    });
  }

  async read(cursors: readonly Cursor[], maxPerChannel: number, blockMs: number): Promise<readonly StoredEntry[]> {
    if (this.#answers.end !== undefined) throw this.#answers.end;
    const link = this.#linkOf();
    if (this.#reader?.isReading) {
      // Whoever called it is gone, and the server waits for it: its connection goes with it.
      this.#reader.close(new StoreError("another read has taken its place"));
      this.#reader = undefined;
    }
    this.#reader ??= new CursorReader(link, (channel) => this.#names.stream(this.#slice.partition, channel));
    return await this.#reader.read(cursors, maxPerChannel, blockMs);
  }

  fetch(entries: readonly DeliveryId[]): Promise<readonly StoredEntry[]> {
    const { partition } = this.#slice;
    return this.#ask(({ client }) =>
      Promise.all(
        entries.map(async ({ channel, entryId }) => {
          const [row] = await client.xrange(this.#names.stream(partition, channel), entryId, entryId);
          return { channel, entryId, fields: row?.[1] ?? [] };
        }),
      ),
    );
  }

  due(longestDelayMs: number, max: number, only?: string): Promise<readonly DueEntry[]> {
    const { component, partition } = this.#slice;
    const channels = only === undefined ? this.#dueTurns.next() : [only];
    const keys = channels.flatMap((channel) => [
      this.#names.attempts(partition, channel, component),
      this.#names.parked(partition, channel, component),
    ]);
    return this.#call(async (link) => {
      const reply = (await link.run(sliceScripts.due, keys, [longestDelayMs, max])) as DueReply[];
      const found = reply.map(([place, entryId, dueInMs, attempt, starts]) => ({
        channel: channels[place - 1] as string,
        entryId,
        dueInMs: Number(dueInMs),
        counts: [attempt, starts, dueInMs] as const,
      }));
      found.sort((a, b) => a.dueInMs - b.dueInMs || compareIds(a.entryId, b.entryId));
      return found.slice(0, max).map(({ channel, entryId, counts }) => ({ channel, entryId, record: countOf(counts) }));
    });
  }

  readState(keys: readonly StateKey[]): Promise<readonly (string | undefined)[]> {
    const { component, partition } = this.#slice;
    const places = Map.groupBy(keys.keys(), (place) => (keys[place] as StateKey).store);
    return this.#ask(async ({ client }) => {
      const values = new Array<string | undefined>(keys.length);
      await Promise.all(
        [...places].map(async ([store, inStore]) => {
          const fields = inStore.map((place) => (keys[place] as StateKey).key);
          const found = await client.hmget(this.#names.state(partition, component, store), ...fields);
          for (const [i, place] of inStore.entries()) values[place] = stateJson(found[i] ?? undefined);
        }),
      );
      return values;
    });
  }

  isValidText({ channel, entryId }: DeliveryId): Promise<boolean> {
    const stream = this.#names.stream(this.#slice.partition, channel);
    return this.#ask(async ({ client }) => {
      const [entry] = await client.xrangeBuffer(stream, entryId, entryId);
      return entry === undefined || (entry[1] as Buffer[]).every((bytes) => isUtf8(bytes));
    });
  }

  close(): void {
    this.#end(new StoreError("the session is closed"));
  }

  get #rowKey(): string {
    return this.#names.owner(this.#slice.partition, this.#slice.component);
  }

  relayed(to: number, after: string | undefined, max: number): Promise<RelayPage> {
    const { component, partition } = this.#slice;
    const relay = this.#names.relay(partition, component, to);
    return this.#ask(async (link) => {
      const { client } = link;
      const from = after ?? (await client.hget(this.#rowKey, `moved:${to}`)) ?? "0-0";
      const rows = await client.xrange(relay, `(${from}`, "+", "COUNT", max);
      // What is moved may not be lost here afterwards, where the durability asks for that.
      if (rows.length > 0) await link.confirmed((reason) => this.#short(reason));
      return { after: from, outputs: rows.map(([id, fields]) => ({ id, fields })) };
    });
  }

  moved({ epoch, owner }: Claim, to: number, id: string): Promise<boolean> {
    const { component, partition } = this.#slice;
    const keys = [this.#rowKey, this.#names.relay(partition, component, to)];
    const keptFrom = `${Math.max(0, Number(id.split("-", 1)[0]) - relayKeptMs)}-0`;
    const args = [epoch, owner, to, id, keptFrom];
    return this.#call(async (link) => (await link.run(sliceScripts.moved, keys, args)) === 1);
  }

  /** Sends over the link when it is open, in the order of the calls. `short`: what is missing of the durability. */
  #call<T>(send: (link: ServerLink, short: (missing: string) => void) => Promise<T>): Promise<T> {
    return this.#answers.add(async (overtake) => {
      const link = this.#linkOf();
      await link.opened;
      return send(link, (missing) => {
        this.#short(missing);
        overtake();
      });
    });
  }

  #short(missing: string): void {
    const text = "what was written is not as durable as was asked; asking again";
    this.#context.log.error({ ...this.#slice, reason: missing }, text);
  }

  /** Likewise, by bare reads. */
  #ask<T>(read: (link: ServerLink) => Promise<T>): Promise<T> {
    return this.#call(async (link) => {
      try {
        return await read(link);
      } catch (error) {
        throw link.failed(error);
      }
    });
  }

  #linkOf(): ServerLink {
    if (this.#link === undefined) {
      const link = this.#context.link(this.#rowKey);
      this.#link = link;
      this.#leaveLink = link.use((reason) => this.#end(reason));
    }
    return this.#link;
  }

  #end(reason: Error): void {
    this.#answers.close(reason);
    this.#reader?.close(reason);
    this.#leaveLink?.();
  }
}
