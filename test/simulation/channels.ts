/** The component under simulation, and its channels. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type Channel, defineChannel } from "../../src/model/channel.ts";
import { partitionOf as hashedPartitionOf } from "../../src/publish/placement.ts";
import type { ChannelName } from "./plan.ts";

export const component = "c";
/** Another one, in some histories. */
export const follower = "follower";

export interface Payload {
  readonly key: string;
}

/** Takes anything: what is simulated is not the validation. */
export function anything<T>(): StandardSchemaV1<unknown, T> {
  return { "~standard": { version: 1, vendor: "simulation", validate: (value) => ({ value: value as T }) } };
}

function input(name: ChannelName, onRetry: "park" | "block"): Channel<Payload> {
  const retry = { maxAttempts: 5, backoffMs: 40, maxBackoffMs: 400, onRetry };
  return defineChannel<Payload>({ name, schema: anything(), key: ({ key }) => key, retry });
}

export const inputs: Readonly<Record<ChannelName, Channel<Payload>>> = {
  parking: input("parking", "park"),
  blocking: input("blocking", "block"),
  batched: input("batched", "park"),
};

/** What an output names: the event that it comes from, which is its key, too. */
export interface Result {
  readonly source: string;
}

export const outputs: Readonly<Record<"sound" | "frail", Channel<Result>>> = {
  sound: defineChannel<Result>({ name: "sound", schema: anything(), key: ({ source }) => source }),
  frail: defineChannel<Result>({ name: "frail", schema: anything(), key: ({ source }) => source }),
};

const partitions = new Map<string, number>();

/** The partition of a key, worked out once. */
export function partitionOf(key: string, count: number): number {
  const name = `${count} ${key}`;
  const known = partitions.get(name) ?? hashedPartitionOf(key, count);
  partitions.set(name, known);
  return known;
}
