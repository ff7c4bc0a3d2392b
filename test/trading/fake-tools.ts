/** Tools for a handler without a backbone: they collect what it publishes and keep its state, and commit when it returns. */

import type { BatchTools, Channel, Event, EventRef, StateStore, Tools } from "../../src/index.ts";

export interface Published {
  readonly channel: string;
  readonly payload: unknown;
  readonly causedBy: readonly EventRef[];
}

export class FakeBackbone {
  readonly published: Published[] = [];
  readonly stores: Map<string, Map<string, string>> = new Map();

  /** Runs one delivery. When it throws, nothing of it is kept. */
  async deliver<T>(run: (tools: Tools & BatchTools) => T | Promise<T>, effectId = "effect-1"): Promise<void> {
    const published: Published[] = [];
    const writes = new Map<string, Map<string, string | undefined>>();
    await run({
      publish: async (channel, payload, options) => {
        published.push({ channel: channel.name, payload, causedBy: options?.causedBy ?? [] });
        return { id: `${effectId}/${published.length}`, channel: channel.name, entryId: "", traceparent: "" };
      },
      state: (name) => this.#store(name, writes),
      signal: new AbortController().signal,
      attempt: 1,
      partition: 0,
      fence: { epoch: 1, token: "test" },
      effectId,
      effectIdOf: (event) => `${effectId}/${event.id}`,
      baggage: {},
      baggageOf: () => ({}),
    });
    this.published.push(...published);
    for (const [name, values] of writes) {
      const store = this.stores.get(name) ?? new Map();
      this.stores.set(name, store);
      for (const [key, json] of values) json === undefined ? store.delete(key) : store.set(key, json);
    }
  }

  on<P>(channel: Channel<P>): readonly P[] {
    return this.published.filter((one) => one.channel === channel.name).map((one) => one.payload as P);
  }

  #store<V>(name: string, writes: Map<string, Map<string, string | undefined>>): StateStore<V> {
    const pending = writes.get(name) ?? new Map();
    writes.set(name, pending);
    return {
      get: async (key) => {
        const json = pending.has(key) ? pending.get(key) : this.stores.get(name)?.get(key);
        return json === undefined ? undefined : (JSON.parse(json) as V);
      },
      set: (key, value) => void pending.set(key, JSON.stringify(value)),
      delete: (key) => void pending.set(key, undefined),
    };
  }
}

export function eventOf<P>(channel: Channel<P>, payload: P, id: string, time = 1): Event<P> {
  const key = channel.key?.(payload) ?? "";
  return { id, channel: channel.name, entryId: `${time}-0`, traceparent: "", payload, key, time, causes: [] };
}
