/** The store of slices in memory: the model of what a server does, for the simulation and for users' tests. */

import { compareIds } from "../model/entry-ids.ts";
import { StoreError } from "../model/errors.ts";
import type { EventRef } from "../model/event.ts";
import { eventIdIn } from "../model/stored-entry.ts";
import type { Slice } from "../ports/own.ts";
import type { RelayTarget } from "../ports/relay.ts";
import type { Finished, MemberBeat, Presence, Session, SliceStore } from "../ports/slice-store.ts";
import { type Entry, entryOf, keyOf } from "./keyspace.ts";
import type { Link } from "./link.ts";
import { isMoved, MemoryRelayTarget } from "./relay.ts";
import { attemptsOf, type Row, rowOf } from "./row.ts";
import type { MemoryServer } from "./server.ts";
import { MemorySession } from "./session.ts";
import { obituaryFields } from "./settle.ts";

/** Opens a link to the node that has a partition; without one to that of the members' heartbeats. */
export type OpenLink = (partition?: number) => Link;

export class MemoryStore implements SliceStore {
  readonly #server: MemoryServer;
  readonly #partitions: number;
  readonly #openLink: OpenLink;

  constructor(server: MemoryServer, partitions: number, openLink: OpenLink) {
    this.#server = server;
    this.#partitions = partitions;
    this.#openLink = openLink;
  }

  open(slice: Slice, channels: readonly string[]): Session {
    return new MemorySession(this.#server, slice, channels, this.#openLink(slice.partition));
  }

  get relays(): boolean {
    return this.#server.relays;
  }

  openRelay(slice: Slice, to: number): RelayTarget {
    return new MemoryRelayTarget(this.#server, slice, to, () => this.#openLink(to));
  }

  presence(component: string): Presence {
    return new MemoryPresence(this.#server, component, this.#openLink);
  }

  whenFinished(component: string, ref: EventRef, signal: AbortSignal): Promise<Finished> {
    return this.#when(signal, () => finishedBy(this.#server, this.#partitions, component, ref));
  }

  async whenIdle(component: string, channels: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#when(signal, () => isIdle(this.#server, this.#partitions, component, channels) || undefined);
  }

  /** Resolves with the first answer that is not undefined. */
  #when<T>(signal: AbortSignal, ask: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): boolean => {
        try {
          const answer = ask();
          if (answer === undefined) return false;
          resolve(answer);
        } catch (error) {
          reject(error);
        }
        return true;
      };
      if (look()) return;
      const end = (): void => {
        unwatch();
        signal.removeEventListener("abort", abort);
      };
      const abort = (): void => {
        end();
        reject(signal.reason);
      };
      const unwatch = this.#server.watch(() => {
        if (look()) end();
      });
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
    });
  }
}

class MemoryPresence implements Presence {
  readonly #server: MemoryServer;
  readonly #component: string;
  readonly #openLink: () => Link;
  #link: Link | undefined;

  constructor(server: MemoryServer, component: string, openLink: () => Link) {
    this.#server = server;
    this.#component = component;
    this.#openLink = openLink;
  }

  beat(member: string, _about: string, forget: readonly string[]): Promise<ReadonlyMap<string, MemberBeat>> {
    return this.#call(() => {
      const members = this.#server.keys.madeHash<MemberBeat>(keyOf.members(this.#component));
      for (const gone of forget) members.delete(gone);
      members.set(member, { beat: (members.get(member)?.beat ?? 0) + 1, hasLeft: false });
      return new Map(members);
    });
  }

  leave(member: string): Promise<void> {
    return this.#call(() => {
      const members = this.#server.keys.madeHash<MemberBeat>(keyOf.members(this.#component));
      members.set(member, { beat: (members.get(member)?.beat ?? 0) + 1, hasLeft: true });
    });
  }

  async #call<T>(run: () => T): Promise<T> {
    this.#link ??= this.#openLink();
    const link = this.#link;
    try {
      return await link.call(run);
    } catch (error) {
      link.close();
      if (this.#link === link) this.#link = undefined;
      throw error;
    }
  }
}

/** @throws {StoreError} when the entry is nowhere */
function finishedBy(
  server: MemoryServer,
  partitions: number,
  component: string,
  { id, channel, entryId }: EventRef,
): Finished | undefined {
  const isIt = (entry: Entry | undefined): boolean => {
    const written = entry === undefined ? "" : eventIdIn(entry.fields);
    return entry !== undefined && (written === "" || written === id);
  };
  const partition = Array.from({ length: partitions }, (_, p) => p).find((p) =>
    isIt(entryOf(server.keys.stream(keyOf.stream(p, channel)), entryId)),
  );
  if (partition === undefined) throw new StoreError(`event ${id} is not in the log of "${channel}" as ${entryId}`);
  if (!isFinished(server, rowOf(server, { component, partition }), { component, partition }, channel, entryId))
    return undefined;
  const dead = server.keys.stream(keyOf.dead(partition, channel, component));
  const isLetter = ({ fields }: Entry): boolean => fields[fields.indexOf(obituaryFields[0]) + 1] === entryId;
  return dead?.entries.some(isLetter) === true ? "deadLettered" : "acked";
}

/** Whether a component has finished an entry, by its row and its parked retries. */
export function isFinished(
  server: MemoryServer,
  row: Row | undefined,
  slice: Slice,
  channel: string,
  entryId: string,
): boolean {
  const position = row?.positions.get(channel);
  if (position === undefined || compareIds(entryId, position.at) > 0) return false;
  if (position.open.some((open) => open.id === entryId)) return false;
  return attemptsOf(server, slice, channel).get(entryId)?.isParked !== true;
}

function isIdle(server: MemoryServer, partitions: number, component: string, channels: readonly string[]): boolean {
  for (let partition = 0; partition < partitions; partition++) {
    const slice = { component, partition };
    const row = rowOf(server, slice);
    if (!isMoved(server, slice, partitions)) return false;
    for (const channel of channels) {
      const stream = server.keys.stream(keyOf.stream(partition, channel));
      const { at, open } = row?.positions.get(channel) ?? { at: "0-0", open: [] };
      if (open.length > 0 || [...attemptsOf(server, slice, channel).values()].some(({ isParked }) => isParked))
        return false;
      if (row === undefined ? (stream?.entries.length ?? 0) > 0 : compareIds(stream?.entries.at(-1)?.id ?? at, at) > 0)
        return false;
    }
  }
  return true;
}
