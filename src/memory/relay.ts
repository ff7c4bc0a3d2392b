/** Relays, at both ends: the reference of what each script does in one step. */

import { compareIds } from "../model/entry-ids.ts";
import { eventIdIn } from "../model/stored-entry.ts";
import type { Claim, Slice } from "../ports/own.ts";
import {
  type RelayBatch,
  type RelayedOutput,
  type RelayPage,
  type RelayReply,
  type RelayTarget,
  relayKeptMs,
  relayRemembered,
} from "../ports/relay.ts";
import { append, keyOf, placeAfter, Refusal } from "./keyspace.ts";
import type { Link } from "./link.ts";
import { isHeldBy, rowOf, writeRow } from "./row.ts";
import type { MemoryServer } from "./server.ts";
import { evict } from "./settle.ts";

/** What the other end remembers of a slice's relay. Replaced whole at each change. */
interface Remembered {
  readonly epoch: number;
  readonly number: number;
  readonly last: string;
  /** Event ids, the newest last. */
  readonly recent: readonly string[];
}

function relayOf({ component, partition }: Slice, to: number): string {
  return keyOf.relay(partition, component, String(to));
}

export function relayed(
  server: MemoryServer,
  slice: Slice,
  to: number,
  after: string | undefined,
  max: number,
): RelayPage {
  const from = after ?? rowOf(server, slice)?.moved.get(to) ?? "0-0";
  const stream = server.keys.stream(relayOf(slice, to));
  if (stream === undefined) return { after: from, outputs: [] };
  const first = placeAfter(stream, from);
  return { after: from, outputs: stream.entries.slice(first, first + max) };
}

export function moved(server: MemoryServer, slice: Slice, claim: Claim, to: number, id: string): boolean {
  const row = rowOf(server, slice);
  if (!isHeldBy(row, claim)) return false;
  const stream = server.keys.stream(relayOf(slice, to));
  writeRow(server, slice, { ...row, moved: new Map(row.moved).set(to, id) });
  if (stream !== undefined) {
    const floor = keptFrom(id);
    stream.entries = stream.entries.filter((entry) => compareIds(entry.id, floor) >= 0);
  }
  server.changed();
  return true;
}

/** The oldest id that stays, once all up to `id` were moved. */
function keptFrom(id: string): string {
  return `${Math.max(0, Number(id.split("-", 1)[0]) - relayKeptMs)}-0`;
}

/** Whether everything that the slice has for other partitions was moved. */
export function isMoved(server: MemoryServer, slice: Slice, partitions: number): boolean {
  for (let to = 0; to < partitions; to++) {
    const newest = server.keys.stream(relayOf(slice, to))?.entries.at(-1);
    const at = rowOf(server, slice)?.moved.get(to) ?? "0-0";
    if (newest !== undefined && compareIds(newest.id, at) > 0) return false;
  }
  return true;
}

/** Outputs of a slice arrive at their partition. */
function arrive(server: MemoryServer, { component, partition }: Slice, to: number, batch: RelayBatch): RelayReply {
  server.refuseWhenFull();
  const memory = server.keys.madeHash<Remembered>(keyOf.relayed(to, component, String(partition)));
  const before = memory.get("relay") ?? { epoch: 0, number: 0, last: "0-0", recent: [] };
  const { epoch, number, after, outputs } = batch;
  if (epoch < before.epoch || (epoch === before.epoch && number < before.number))
    return { outcome: "fenced", epoch: before.epoch };
  if (compareIds(before.last, after) < 0) return { outcome: "behind", last: before.last };
  const recent = new Set(before.recent);
  let { last } = before;
  let count = 0;
  let reason = "";
  for (const output of outputs) {
    const refused = arriveOne(server, to, output, recent);
    if (refused !== undefined) {
      reason = refused;
      break;
    }
    recent.add(eventIdIn(output.fields.slice(4)));
    last = output.id;
    count++;
  }
  memory.set("relay", { epoch, number, last, recent: [...recent].slice(-relayRemembered) });
  server.changed();
  return { outcome: "moved", count, reason };
}

/** Why it is refused; undefined where it is in its channel now. */
function arriveOne(
  server: MemoryServer,
  to: number,
  { fields }: RelayedOutput,
  recent: ReadonlySet<string>,
): string | undefined {
  const [, channel = "", , cap = "0", ...own] = fields;
  // A source that has gone back gives the same event another id in its relay.
  if (recent.has(eventIdIn(own))) return undefined;
  try {
    const stream = server.keys.madeStream(keyOf.stream(to, channel));
    if (Number(cap) > 0 && stream.entries.length >= Number(cap))
      return `${channel} is full: it has reached its hard cap`;
    append(stream, own, server.now());
    if (Number(cap) < 0) evict(stream, -Number(cap));
    return undefined;
  } catch (refusal) {
    if (refusal instanceof Refusal) return refusal.message;
    throw refusal;
  }
}

export class MemoryRelayTarget implements RelayTarget {
  readonly #server: MemoryServer;
  readonly #slice: Slice;
  readonly #to: number;
  readonly #openLink: () => Link;
  #link: Link | undefined;

  constructor(server: MemoryServer, slice: Slice, to: number, openLink: () => Link) {
    this.#server = server;
    this.#slice = slice;
    this.#to = to;
    this.#openLink = openLink;
  }

  async append(batch: RelayBatch): Promise<RelayReply> {
    this.#link ??= this.#openLink();
    const link = this.#link;
    try {
      return await link.call(() => arrive(this.#server, this.#slice, this.#to, batch));
    } catch (error) {
      link.close();
      if (this.#link === link) this.#link = undefined;
      throw error;
    }
  }

  close(): void {
    this.#link?.close();
  }
}
