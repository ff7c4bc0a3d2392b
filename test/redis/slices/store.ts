/** A store of slices on a Redis, and an owner's first steps. */

import { Redis } from "ioredis";
import type { ResolvedDurability } from "../../../src/model/durability.ts";
import type { Evicted } from "../../../src/ports/append.ts";
import type { Claim, Start } from "../../../src/ports/own.ts";
import type { Batch, Output, Settlement } from "../../../src/ports/settle.ts";
import type { Session } from "../../../src/ports/slice-store.ts";
import { Connection } from "../../../src/redis/client/connection.ts";
import { Keys } from "../../../src/redis/keys.ts";
import { Namespace } from "../../../src/redis/namespace.ts";
import { RedisSliceStore } from "../../../src/redis/slices/slice-store.ts";
import { type LogLine, memoryLog } from "../../support/backbone.ts";
import { freshNamespace, redisUrl } from "../../support/redis.ts";

export const component = "ledger";
export const channel = "payments";

export interface OpenedStore extends AsyncDisposable {
  readonly store: RedisSliceStore;
  readonly keys: Keys;
  /** Past any proxy. */
  readonly admin: Redis;
  readonly lines: LogLine[];
  readonly evicted: Evicted[];
}

export interface StoreOptions {
  /** Where the store connects to. Default: the server itself. */
  readonly url?: string;
  /** Of the server itself. */
  readonly direct?: string;
  readonly partitions?: number;
  readonly durability?: ResolvedDurability;
}

export async function openStore({
  direct = redisUrl(),
  url = direct,
  partitions = 1,
  durability,
}: StoreOptions = {}): Promise<OpenedStore> {
  const admin = new Redis(direct, { protocol: 2 });
  const keys = new Keys(freshNamespace());
  const lines: LogLine[] = [];
  const evicted: Evicted[] = [];
  const log = memoryLog(lines);
  const openConnection = (purpose: string): Connection => new Connection({ url, log, silenceMs: 5_000, purpose });
  const connection = openConnection("open");
  const namespace = await Namespace.open(connection, keys, { count: partitions, isRequired: true }, undefined);
  connection.close();
  const store = new RedisSliceStore({
    component,
    keys,
    partitions: () => partitions,
    log,
    context: {
      namespace,
      confirmation: durability === undefined ? undefined : { durability, log },
      onEvicted: (one) => void evicted.push(one),
      onLost: () => undefined,
    },
    openConnection,
    keepsLog: true,
  });
  return {
    store,
    keys,
    admin,
    lines,
    evicted,
    [Symbol.asyncDispose]: async () => {
      store[Symbol.dispose]();
      admin.disconnect();
    },
  };
}

export interface Owner {
  readonly session: Session;
  readonly claim: Claim;
  readonly start: Start;
}

/** Takes the slice of a partition, whoever has it. */
export async function own(
  { store }: OpenedStore,
  partition = 0,
  channels: readonly string[] = [channel],
): Promise<Owner> {
  const session = store.open({ component, partition }, channels);
  const { row } = await session.look([]);
  const [member, token] = ["m1", `t${row?.epoch ?? 0}`];
  const acquired = await session.acquire({ member, token, seen: row, highestEpoch: 0, isDeath: false, begin: "0" });
  if (acquired.outcome !== "acquired") throw new Error("the slice was not acquired");
  return { session, claim: { epoch: acquired.epoch, owner: `${member}/${token}` }, start: acquired.starts[0] as Start };
}

export async function append({ admin, keys }: OpenedStore, ...eventIds: readonly string[]): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const id of eventIds)
    ids.push((await admin.xadd(keys.stream(0, channel), "*", "id", id, "payload", "{}")) ?? "");
  return ids;
}

export function acked(entryId: string, more: Partial<Settlement & { kind: "acked" }> = {}): Settlement {
  const entries = [{ channel, entryId, isNoted: false }];
  return { kind: "acked", locks: [], entries, outputs: [], changes: [], ...more };
}

export function output(name: string, id: string, partition = 0, cap = 0): Output {
  const entry = { channel: { name, dedupeWindowMs: 0, cap }, values: [id, "1", "", "{}", "", "", "", ""] };
  return { partition, entry };
}

export function batch(number: number, settlements: readonly Settlement[], at: string, entriesRead = 1): Batch {
  return { number, settlements, positions: [{ channel, at, open: [], entriesRead }] };
}
