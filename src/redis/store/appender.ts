/** Appends for one producer session: numbered batches, each appended once however often it is sent. */

import { randomBytes } from "node:crypto";
import type { ResolvedDurability } from "../../model/durability.ts";
import { ConfigError, PublishError } from "../../model/errors.ts";
import type { Appended, Appender, Evicted, NewEntry, Partitioning } from "../../ports/append.ts";
import type { Log } from "../../ports/log.ts";
import { ArgWriter } from "../client/argument-writer.ts";
import type { Turn } from "../client/call-turns.ts";
import type { Connection } from "../client/connection.ts";
import { Outbox } from "../client/outbox.ts";
import type { Keys } from "../keys.ts";
import type { Namespace } from "../namespace.ts";
import { takeEvictions } from "./evictions.ts";
import { scripts } from "./scripts.ts";

/** What the stores write to Redis with. */
export interface StoreContext {
  readonly namespace: Namespace;
  /** Undefined where the server's own policy is enough. */
  readonly confirmation: { readonly durability: ResolvedDurability; readonly log: Log } | undefined;
  /** Called for each full channel that made room. */
  readonly onEvicted: (evicted: Evicted) => void;
  /** Called once for each loss of what a server had acknowledged to this producer. */
  readonly onLost: (lost: LostAppends) => void;
}

/** What a server had acknowledged, and knows nothing of any more: a failover has lost it, or somebody has removed everything. */
export interface LostAppends {
  readonly partition: number;
  /** The newest entry of it. */
  readonly entryId: string;
}

/** Batches whose numbers Redis remembers for a session; the batcher keeps fewer in flight. */
export const numbersKept: number = 16;
/** How long they are remembered after the last batch, ms: longer than any resend can be late. */
export const numbersTtlMs: number = 24 * 3_600_000;

export class RedisAppender implements Appender, Partitioning {
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #keys: Keys;
  readonly #namespace: Namespace;
  readonly #onEvicted: (evicted: Evicted) => void;
  readonly #session = `p${randomBytes(9).toString("base64url")}`;
  /** Filled and sent within one call. */
  readonly #body: ArgWriter = new ArgWriter();
  readonly #onLost: (lost: LostAppends) => void;
  /** The last number used on a partition. */
  readonly #numbers = new Map<number, number>();
  /** The newest entry of each partition that was acknowledged. */
  readonly #newest = new Map<number, string>();
  /** Set with the first publish. All wait for it, so that none overtakes another. */
  #claiming: Promise<void> | undefined;
  count: number | undefined;

  constructor(connection: Connection, keys: Keys, { namespace, confirmation, onEvicted, onLost }: StoreContext) {
    this.#namespace = namespace;
    this.#connection = connection;
    this.#outbox = new Outbox(connection, confirmation);
    this.#keys = keys;
    this.#onEvicted = onEvicted;
    this.#onLost = onLost;
  }

  known(deadlineMs: number): Promise<void> {
    this.#claiming ??= this.#claim(deadlineMs);
    return this.#claiming;
  }

  async append(
    partition: number,
    entries: readonly NewEntry[],
    atomic: boolean,
    deadlineMs: number,
  ): Promise<readonly Appended[]> {
    const begunAt = performance.now();
    await this.known(deadlineMs);
    const { keys, head, channels, turn } = this.#encode(partition, entries, atomic);
    let reply: unknown;
    try {
      reply = await this.#outbox.send(
        scripts.append,
        keys,
        { head, body: this.#body },
        {
          deadlineMs: Math.max(1, deadlineMs - (performance.now() - begunAt)),
          isConfirmed: true,
          turn,
        },
      );
    } catch (error) {
      if (error instanceof PublishError) throw error;
      throw refused(error);
    }
    const lines = String(reply).split("\n");
    if (lines.at(-1) === wentBack) {
      lines.pop();
      this.#onLost({ partition, entryId: this.#newest.get(partition) ?? "" });
    }
    takeEvictions(lines, partition, (place) => channels[place - 1] as string, this.#onEvicted);
    const appended = lines.map(toAppended);
    const newest = appended.findLast((one) => "entryId" in one && !one.isRepeat);
    if (newest !== undefined && "entryId" in newest) this.#newest.set(partition, newest.entryId);
    return appended;
  }

  /** Fills `body`. A method of its own, so that nobody who waits for the reply holds the values. */
  #encode(
    partition: number,
    entries: readonly NewEntry[],
    atomic: boolean,
  ): {
    readonly keys: string[];
    readonly head: (string | number)[];
    readonly channels: readonly string[];
    readonly turn: Turn;
  } {
    const number = (this.#numbers.get(partition) ?? 0) + 1;
    this.#numbers.set(partition, number);
    const streams = new Map<string, number>();
    const valuesOf = entries.map(({ values }) => values);
    const seen: string[] = [];
    let caps = "";
    for (let i = 0; i < entries.length; i++) {
      const { name, dedupeWindowMs, cap } = (entries[i] as NewEntry).channel;
      let place = streams.get(name);
      if (place === undefined) {
        place = streams.size + 1;
        streams.set(name, place);
        if (cap !== 0) caps += `${place}:${cap} `;
      }
      if (dedupeWindowMs > 0) seen.push(this.#keys.seen(partition, name, valuesOf[i]?.[0] as string));
    }
    const hasStreams = streams.size > 1;
    const hasWindows = seen.length > 0;
    const sent = sentValues(valuesOf);
    const columns = `${hasStreams ? "s" : ""}${hasWindows ? "w" : ""}${sent.map((place) => columnLetters[place]).join("")}`;
    const body = this.#body;
    body.clear();
    for (let i = 0; i < entries.length; i++) {
      const { channel } = entries[i] as NewEntry;
      const values = valuesOf[i] as readonly string[];
      if (hasStreams) body.add(streams.get(channel.name) as number);
      if (hasWindows) body.add(channel.dedupeWindowMs);
      for (let v = 0; v < sent.length; v++) body.add(values[sent[v] as number] as string);
    }
    const channels = [...streams.keys()];
    const sequence = this.#keys.numbers(partition, this.#session);
    const keys = [sequence, ...channels.map((channel) => this.#keys.stream(partition, channel)), ...seen];
    const head = [number, numbersKept, numbersTtlMs, streams.size, atomic ? "1" : "0", caps, columns];
    return { keys, head, channels, turn: { sequence, number } };
  }

  async close(): Promise<void> {
    this.#outbox.close();
    this.#connection.close();
  }

  /** What fails is tried again with the next append. */
  async #claim(deadlineMs: number): Promise<void> {
    try {
      await this.#namespace.claim((script, keys, args) => this.#outbox.send(script, keys, args, { deadlineMs }));
      this.count = this.#namespace.use();
    } catch (error) {
      this.#claiming = undefined;
      if (error instanceof ConfigError) throw new PublishError("rejected", error.message, { cause: error });
      if (!(error instanceof PublishError)) throw refused(error);
      throw new PublishError("rejected", "Redis did not answer in time: nothing was appended", { cause: error });
    }
  }
}

/** Where an entry stands, and whether it stood there before. */
class AppendedEntry {
  readonly entryId: string;
  readonly isRepeat: boolean;

  constructor(entryId: string, isRepeat: boolean) {
    this.entryId = entryId;
    this.isRepeat = isRepeat;
  }
}

/** The line of a reply which says that the server has lost what it had answered before. */
const wentBack = "^";
/** Redis's own words for a stream whose last id is the greatest there is. */
const exhausted = "exhausted the last possible ID";
const repairHint = '; somebody has given an entry the greatest id there is: "throughline repair" gives it another';

function toAppended(word: string): Appended {
  if (word.startsWith("!")) return { refused: `${word.slice(1)}${word.includes(exhausted) ? repairHint : ""}` };
  return word.startsWith("=") ? new AppendedEntry(word.slice(1), true) : new AppendedEntry(word, false);
}

function refused(error: unknown): PublishError {
  const reason = error instanceof Error ? error.message : String(error);
  return new PublishError("rejected", `Redis refused the append: ${reason}`, { cause: error });
}

/** What the scripts call the values of the wire format, in its order. */
export const columnLetters = "itkpTSBVDCY";
/** Those that every entry has: id, time, payload. */
const always: readonly number[] = [0, 1, 3];

/** The places of the values that are sent: one that is empty in all of a batch is not. */
function sentValues(valuesOf: readonly (readonly string[])[]): readonly number[] {
  return Array.from(columnLetters, (_, place) => place).filter(
    (place) => always.includes(place) || valuesOf.some((values) => values[place] !== ""),
  );
}
