/** What a store must give so that the contract can be tried on it: the store, a log to read from, and the faults of its server. */

import type { SliceStore } from "../../src/ports/slice-store.ts";

/** How a component's group stands on a channel, as people see it. */
export interface GroupLook {
  readonly lastDelivered: string;
  /** Entry ids, in their order. */
  readonly pending: readonly string[];
  readonly consumers: readonly string[];
}

/** A fault that lasts until it is ended. */
export type Ending = () => Promise<void>;

/** One partition, 0, of a store that nobody else uses, and beside it 1, as if at another node: outputs for it are relayed. */
export interface Harness extends AsyncDisposable {
  readonly store: SliceStore;
  /** Appends events with these ids, and gives their entry ids. */
  append(channel: string, ...eventIds: readonly string[]): Promise<readonly string[]>;
  remove(channel: string, entryId: string): Promise<void>;
  /** The fields of a channel's entries, or of a component's dead letters of it, in their order. */
  entries(channel: string, partition?: number): Promise<readonly Readonly<Record<string, string>>[]>;
  letters(channel: string, component: string): Promise<readonly Readonly<Record<string, string>>[]>;
  group(channel: string, component: string): Promise<GroupLook | undefined>;
  /** How many entries the group's pending list has, those included that were removed from the stream. */
  pendingCount(channel: string, component: string): Promise<number>;
  destroyGroup(channel: string, component: string): Promise<void>;
  /** Somebody else reads all that is new in the component's group, or acknowledges an entry there. */
  readAs(consumer: string, channel: string, component: string): Promise<void>;
  acknowledge(channel: string, component: string, entryId: string): Promise<void>;
  deleteChannel(channel: string): Promise<void>;
  /** Memory is full. */
  fill(): Promise<Ending>;
  /** A value of another type stands where the channel was. */
  spoil(channel: string): Promise<Ending>;
  /** The component may not touch the channel. */
  forbid(channel: string): Promise<Ending>;
  /** What is written from now on is lost when it is ended, as by a failover. */
  loseFromNow(): Promise<Ending>;
  /** Epoch ms by the server's clock; `setClock` moves it. */
  now(): Promise<number>;
  setClock(byMs: number): Promise<void>;
  /** Lets so many ms pass. */
  pass(ms: number): Promise<void>;
}
