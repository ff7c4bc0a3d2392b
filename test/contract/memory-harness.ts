/** The store in memory as the contract needs it. */

import { append, entryOf, keyOf, placeAfter, remove, type Stream } from "../../src/memory/keyspace.ts";
import type { Link } from "../../src/memory/link.ts";
import { LocalLink } from "../../src/memory/local-link.ts";
import { MemoryServer } from "../../src/memory/server.ts";
import { MemoryStore } from "../../src/memory/store.ts";
import { compareIds } from "../../src/model/entry-ids.ts";
import type { Harness } from "./harness.ts";

const partition = 0;

/** Time that only the test moves; links that answer at once. */
export class MemoryHarness implements Harness {
  #now = 1_800_000_000_000;
  #errorMs = 0;
  readonly #timers: { readonly at: number; run: (() => void) | undefined }[] = [];
  readonly #server = new MemoryServer(
    () => this.#now + this.#errorMs,
    (ms, run) => {
      const timer: { readonly at: number; run: (() => void) | undefined } = { at: this.#now + ms, run };
      this.#timers.push(timer);
      return () => {
        timer.run = undefined;
      };
    },
    true,
  );
  readonly store: MemoryStore;

  /** `openLink`: of a store that lies. */
  constructor(openLink: () => Link = () => new LocalLink()) {
    this.store = new MemoryStore(this.#server, 2, openLink);
  }

  async append(channel: string, ...eventIds: readonly string[]): Promise<readonly string[]> {
    const stream = this.#asAdmin(() => this.#server.keys.madeStream(keyOf.stream(partition, channel)));
    const ids = eventIds.map((id) => append(stream, ["id", id, "payload", "{}"], this.#server.now()));
    this.#server.changed();
    return ids;
  }

  async remove(channel: string, entryId: string): Promise<void> {
    remove(
      this.#asAdmin(() => this.#server.keys.madeStream(keyOf.stream(partition, channel))),
      entryId,
    );
  }

  async entries(channel: string, of: number = partition): ReturnType<Harness["entries"]> {
    return this.#asAdmin(() => recordsIn(this.#server.keys.stream(keyOf.stream(of, channel))));
  }

  async letters(channel: string, component: string): ReturnType<Harness["letters"]> {
    return this.#asAdmin(() => recordsIn(this.#server.keys.stream(keyOf.dead(partition, channel, component))));
  }

  async group(channel: string, component: string): ReturnType<Harness["group"]> {
    const stream = this.#asAdmin(() => this.#server.keys.stream(keyOf.stream(partition, channel)));
    const group = stream?.groups.get(component);
    if (group === undefined) return undefined;
    const pending = [...group.pending.keys()].filter((id) => entryOf(stream, id) !== undefined).sort(compareIds);
    return { lastDelivered: group.at, pending, consumers: [...group.consumers] };
  }

  async pendingCount(channel: string, component: string): Promise<number> {
    const stream = this.#asAdmin(() => this.#server.keys.stream(keyOf.stream(partition, channel)));
    return stream?.groups.get(component)?.pending.size ?? 0;
  }

  async destroyGroup(channel: string, component: string): Promise<void> {
    this.#asAdmin(() => this.#server.keys.stream(keyOf.stream(partition, channel)))?.groups.delete(component);
  }

  async readAs(consumer: string, channel: string, component: string): Promise<void> {
    const stream = this.#asAdmin(() => this.#server.keys.stream(keyOf.stream(partition, channel)));
    const group = stream?.groups.get(component);
    if (stream === undefined || group === undefined) return;
    group.consumers.add(consumer);
    for (const { id } of stream.entries.slice(placeAfter(stream, group.at))) {
      group.pending.set(id, consumer);
      group.at = id;
    }
  }

  async acknowledge(channel: string, component: string, entryId: string): Promise<void> {
    const stream = this.#asAdmin(() => this.#server.keys.stream(keyOf.stream(partition, channel)));
    stream?.groups.get(component)?.pending.delete(entryId);
  }

  async deleteChannel(channel: string): Promise<void> {
    this.#server.keys.delete(keyOf.stream(partition, channel));
  }

  async fill(): ReturnType<Harness["fill"]> {
    this.#server.isFull = true;
    return async () => {
      this.#server.isFull = false;
    };
  }

  async spoil(channel: string): ReturnType<Harness["spoil"]> {
    const restore = this.#server.keys.spoil(keyOf.stream(partition, channel));
    return async () => restore();
  }

  /** With all that a component keeps of it, as a server's rules have it. */
  async forbid(channel: string): ReturnType<Harness["forbid"]> {
    const { forbidden } = this.#server.keys;
    const component = "ledger";
    const keys = [
      keyOf.stream(partition, channel),
      keyOf.attempts(partition, channel, component),
      keyOf.dead(partition, channel, component),
    ];
    for (const key of keys) forbidden.add(key);
    return async () => {
      for (const key of keys) forbidden.delete(key);
    };
  }

  async loseFromNow(): ReturnType<Harness["loseFromNow"]> {
    const copy = this.#server.keys.copy();
    return async () => {
      await this.pass(10); // a replica takes over a little later
      this.#server.keys.restore(copy);
    };
  }

  async now(): Promise<number> {
    return this.#server.now();
  }

  async setClock(byMs: number): Promise<void> {
    this.#errorMs += byMs;
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms;
    for (const timer of this.#timers) {
      if (timer.at > this.#now) continue;
      const { run } = timer;
      timer.run = undefined;
      run?.();
    }
  }

  /** Whoever harms or looks is not held up by what the component may not do. */
  #asAdmin<T>(run: () => T): T {
    const { forbidden } = this.#server.keys;
    const held = [...forbidden];
    forbidden.clear();
    try {
      return run();
    } finally {
      for (const key of held) forbidden.add(key);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.keys.clear();
  }
}

function recordsIn(stream: Stream | undefined): readonly Readonly<Record<string, string>>[] {
  return (stream?.entries ?? []).map(({ fields }) => {
    const pairs = Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i], fields[2 * i + 1]]);
    return Object.fromEntries(pairs);
  });
}
