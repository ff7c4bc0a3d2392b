/** A session of a slice with the server in memory, over a link that the simulation may delay and cut. */

import { compareIds } from "../model/entry-ids.ts";
import { StoreError } from "../model/errors.ts";
import type { StoredEntry } from "../model/stored-entry.ts";
import type { DeliveryId } from "../ports/delivery.ts";
import type { Acquired, Acquisition, Claim, Look, NewestRead, Renewed, Slice } from "../ports/own.ts";
import type { Cursor, DueEntry, StateKey } from "../ports/read.ts";
import type { RelayPage } from "../ports/relay.ts";
import type { Batch, SettleReply } from "../ports/settle.ts";
import type { Session } from "../ports/slice-store.ts";
import { entryOf, keyOf, placeAfter } from "./keyspace.ts";
import type { Link } from "./link.ts";
import { acquire, look, release, renew, want } from "./owner.ts";
import { moved, relayed } from "./relay.ts";
import { type Attempts, recordOf } from "./row.ts";
import type { MemoryServer } from "./server.ts";
import { count, settle } from "./settle.ts";

export class MemorySession implements Session {
  readonly #server: MemoryServer;
  readonly #slice: Slice;
  readonly #channels: readonly string[];
  readonly #link: Link;
  /** Rejects the read that was last called. */
  #giveUpRead: ((reason: Error) => void) | undefined;

  constructor(server: MemoryServer, slice: Slice, channels: readonly string[], link: Link) {
    this.#server = server;
    this.#slice = slice;
    this.#channels = channels;
    this.#link = link;
  }

  look(newest: readonly NewestRead[]): Promise<Look> {
    return this.#link.call(() => look(this.#server, this.#slice, newest));
  }

  acquire(acquisition: Acquisition): Promise<Acquired> {
    return this.#link.call(() => acquire(this.#server, this.#slice, this.#channels, acquisition));
  }

  renew(claim: Claim, newest: readonly NewestRead[] | undefined, late: readonly DeliveryId[]): Promise<Renewed> {
    return this.#link.call(() => renew(this.#server, this.#slice, this.#channels, claim, newest, late));
  }

  want(seen: Claim, member: string): Promise<void> {
    return this.#link.call(() => want(this.#server, this.#slice, seen, member));
  }

  release(claim: Claim, seq: number): Promise<boolean> {
    return this.#link.call(() => release(this.#server, this.#slice, claim, seq));
  }

  settle(claim: Claim, batch: Batch): Promise<SettleReply> {
    return this.#link.call(() => settle(this.#server, this.#slice, claim, batch));
  }

  count(claim: Claim, entry: DeliveryId, attempt: number): ReturnType<Session["count"]> {
    return this.#link.call(() => count(this.#server, this.#slice, claim, entry, attempt));
  }

  read(cursors: readonly Cursor[], maxPerChannel: number, blockMs: number): Promise<readonly StoredEntry[]> {
    this.#giveUpRead?.(new StoreError("another read has taken its place"));
    const { promise, resolve, reject } = Promise.withResolvers<readonly StoredEntry[]>();
    this.#giveUpRead = reject;
    this.#waitFor(cursors, maxPerChannel, blockMs).then(resolve, reject);
    return promise;
  }

  fetch(entries: readonly DeliveryId[]): Promise<readonly StoredEntry[]> {
    return this.#link.call(() =>
      entries.map(({ channel, entryId }) => {
        const stream = this.#server.keys.stream(keyOf.stream(this.#slice.partition, channel));
        return { channel, entryId, fields: entryOf(stream, entryId)?.fields ?? [] };
      }),
    );
  }

  due(longestDelayMs: number, max: number, only?: string): Promise<readonly DueEntry[]> {
    return this.#link.call(() => {
      const now = this.#server.now();
      const isDue = ({ isParked, dueAt }: Attempts): boolean =>
        isParked && (dueAt <= now || dueAt > now + longestDelayMs);
      const { component, partition } = this.#slice;
      const found = (only === undefined ? this.#channels : [only]).flatMap((channel) =>
        [...(this.#server.keys.hash<Attempts>(keyOf.attempts(partition, channel, component)) ?? [])].flatMap(
          ([entryId, attempts]) => (isDue(attempts) ? [{ channel, entryId, attempts }] : []),
        ),
      );
      found.sort((a, b) => a.attempts.dueAt - b.attempts.dueAt || compareIds(a.entryId, b.entryId));
      return found.slice(0, max).map(({ channel, entryId, attempts }) => ({
        channel,
        entryId,
        record: recordOf(attempts, now),
      }));
    });
  }

  readState(keys: readonly StateKey[]): Promise<readonly (string | undefined)[]> {
    const { component, partition } = this.#slice;
    return this.#link.call(() =>
      keys.map(({ store, key }) => this.#server.keys.hash<string>(keyOf.state(partition, component, store))?.get(key)),
    );
  }

  relayed(to: number, after: string | undefined, max: number): Promise<RelayPage> {
    return this.#link.call(() => relayed(this.#server, this.#slice, to, after, max));
  }

  moved(claim: Claim, to: number, id: string): Promise<boolean> {
    return this.#link.call(() => moved(this.#server, this.#slice, claim, to, id));
  }

  /** What a JavaScript string holds is always text. */
  isValidText(): Promise<boolean> {
    return this.#link.call(() => true);
  }

  close(): void {
    this.#link.close();
  }

  #waitFor(cursors: readonly Cursor[], maxPerChannel: number, blockMs: number): Promise<readonly StoredEntry[]> {
    return this.#link.wait((answer, refuse) => {
      const found = this.#readNow(cursors, maxPerChannel);
      if (found.length > 0 || blockMs === 0) {
        answer(found);
        return () => undefined;
      }
      const stop = (): void => {
        unwatch();
        cancel();
      };
      const end = (entries: readonly StoredEntry[]): void => {
        stop();
        answer(entries);
      };
      const unwatch = this.#server.watch(() => {
        try {
          const come = this.#readNow(cursors, maxPerChannel);
          if (come.length > 0) end(come);
        } catch (refusal) {
          stop();
          refuse(refusal);
        }
      });
      const cancel = this.#server.after(blockMs, () => end([]));
      return stop;
    });
  }

  #readNow(cursors: readonly Cursor[], maxPerChannel: number): readonly StoredEntry[] {
    const found: StoredEntry[] = [];
    for (const { channel, after } of cursors) {
      const stream = this.#server.keys.stream(keyOf.stream(this.#slice.partition, channel));
      if (stream === undefined) continue;
      const from = placeAfter(stream, after);
      for (const { id, fields } of stream.entries.slice(from, from + maxPerChannel))
        found.push({ channel, entryId: id, fields });
    }
    return found;
  }
}
