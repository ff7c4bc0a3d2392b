/** The component of the model: its channels, its outputs, and its members. */

import { z } from "zod";
import {
  type Backbone,
  type Channel,
  type ChannelDefinition,
  type Component,
  connectBackbone,
  defineChannel,
  type Event,
  type Log,
  on,
  PermanentError,
  type PublishOutput,
  type StateStore,
} from "../../src/index.ts";
import { type Relay, startRelay } from "./relay.ts";
import type { Fate, Setting } from "./steps.ts";

export interface Work {
  readonly n: number;
  readonly key: string;
  readonly fate: Fate;
}

/** An output: an even event has one part, an odd one has two. */
export interface Done {
  readonly n: number;
  readonly part: number;
  /** The member that made the call, as `Member.name`. */
  readonly by: string;
}

export interface Tally {
  readonly count: number;
  readonly sum: number;
}

/** More attempts than the starts that make an entry look as if it killed its process: failed attempts do not count as such. */
export const maxAttempts = 7;
/** A member whose heartbeats are late by a quarter of it takes nothing over: a busy process must be able to keep that. */
export const takeoverAfterMs = 500;
export const workerName = "worker";
export const tallyName = "tally";

const fates: readonly Fate[] = ["well", "stumbles", "stubborn", "hopeless"];

const definition: ChannelDefinition<Work> = {
  name: "work",
  schema: z.object({ n: z.number().int(), key: z.string(), fate: z.enum(fates) }),
  key: ({ key }) => key,
};

/** A channel for publishers that repeat event ids. */
export const work: Channel<Work> = defineChannel<Work>({ ...definition, dedupe: { windowMs: 60_000 } });

/** The same channel for publishers that do not: no window hides an entry that is appended twice. */
export const plainWork: Channel<Work> = defineChannel<Work>(definition);

export const done: Channel<Done> = defineChannel<Done>({
  name: "done",
  schema: z.object({ n: z.number().int(), part: z.number().int(), by: z.string() }),
});

export function partsOf(n: number): number {
  return 1 + (n % 2);
}

/** The state that the members share with their run. */
export interface Witness {
  /** Events that go well from now on, whatever their fate. */
  readonly mended: ReadonlySet<number>;
}

/** One process of the component, with a backbone and connections of its own. */
export class Member {
  readonly name: string;
  readonly component: Component;
  readonly relay: Relay;
  readonly #backbone: Backbone;
  readonly #desk: Desk;
  readonly running: Promise<void>;
  isPaused = false;

  private constructor(name: string, relay: Relay, backbone: Backbone, desk: Desk, component: Component) {
    this.name = name;
    this.relay = relay;
    this.#backbone = backbone;
    this.#desk = desk;
    this.component = component;
    this.running = component.run();
    this.running.catch(() => undefined); // whoever ends the member looks at it
  }

  static async start(
    name: string,
    redisUrl: string,
    namespace: string,
    setting: Setting,
    log: Log,
    witness: Witness,
  ): Promise<Member> {
    const relay = await startRelay(redisUrl);
    const backbone = await connectBackbone({ url: relay.url, namespace, log });
    const desk = new Desk(name, witness);
    const retry = { maxAttempts, backoffMs: 1, jitter: 0, onRetry: setting.onRetry };
    const subscription =
      setting.mode === "batch"
        ? on(work, { retry, batch: { maxSize: 3, maxWaitMs: 2 } }, (events, tools) => desk.handle(events, tools))
        : on(work, { retry }, (event, tools) => desk.handle([event], tools));
    const component = backbone.component(workerName, [subscription], { takeoverAfterMs, drainTimeoutMs: 2_000 });
    const member = new Member(name, relay, backbone, desk, component);
    await component.ready();
    return member;
  }

  get isOccupied(): boolean {
    return this.#desk.isOccupied;
  }

  occupy(): void {
    this.#desk.occupy();
  }

  free(): void {
    this.#desk.free();
  }

  pause(): void {
    this.isPaused = true;
    this.relay.hold();
    this.free(); // what it settles now arrives when it is resumed
  }

  resume(): void {
    this.isPaused = false;
    this.relay.letGo();
  }

  /** Drains. @throws what `run` throws */
  async drain(): Promise<void> {
    this.free();
    await this.component.drain();
    await this.running;
    await this.#close();
  }

  /** Cuts the member off from Redis. Resolves when the resources that it leaves in this process are released. */
  async crash(): Promise<void> {
    this.relay.sever();
    this.free();
    await this.#close();
  }

  async #close(): Promise<void> {
    await this.#backbone.close();
    await this.relay[Symbol.asyncDispose]();
  }
}

interface DeskTools {
  readonly publish: PublishOutput;
  readonly state: <V>(store: string) => StateStore<V>;
  readonly attempt: number;
}

/** A member's handler, which can be kept from ending. */
class Desk {
  readonly #member: string;
  readonly #witness: Witness;
  #occupied: PromiseWithResolvers<void> | undefined;

  constructor(member: string, witness: Witness) {
    this.#member = member;
    this.#witness = witness;
  }

  get isOccupied(): boolean {
    return this.#occupied !== undefined;
  }

  occupy(): void {
    this.#occupied ??= Promise.withResolvers();
  }

  free(): void {
    this.#occupied?.resolve();
    this.#occupied = undefined;
  }

  async handle(events: readonly Event<Work>[], { publish, state, attempt }: DeskTools): Promise<void> {
    for (const event of events) await this.#handleOne(event, { publish, state, attempt });
    while (this.#occupied !== undefined) await this.#occupied.promise;
  }

  async #handleOne(event: Event<Work>, { publish, state, attempt }: DeskTools): Promise<void> {
    const { n, key, fate } = event.payload;
    const tally = state<Tally>(tallyName);
    const before = await tally.get(key);
    tally.set(key, { count: (before?.count ?? 0) + 1, sum: (before?.sum ?? 0) + n });
    for (let part = 0; part < partsOf(n); part++) {
      await publish(done, { n, part, by: this.#member }, { causedBy: [event] });
    }
    if (this.#witness.mended.has(n)) return;
    // Thrown after the effects: none of them may be seen.
    if (fate === "hopeless") throw new PermanentError(`event ${n} is hopeless`);
    if (fate === "stubborn" || (fate === "stumbles" && attempt === 1)) throw new Error(`event ${n} fails`);
  }
}
