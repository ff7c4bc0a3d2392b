/**
 * `startLoad`: publishes events through three components, with outputs, state and neither, for as long as a test injects faults; in the end
 * the history checker checks every event.
 */

import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type Backbone, type Channel, type Component, connectBackbone, on, PublishError } from "../../src/index.ts";
import { Keys } from "../../src/redis/keys.ts";
import { checkHistory } from "../checker/check.ts";
import { collectHistory, writeFacts } from "../checker/collect.ts";
import type { Fact, FactOf } from "../checker/history.ts";
import type { Violation } from "../checker/violation.ts";
import {
  type LogLine,
  memoryLog,
  type Opened,
  type OpenOptions,
  open,
  serversFor,
  soon,
  type Thing,
  things,
} from "./backbone.ts";
import { eventually } from "./eventually.ts";

/** The components: "first" copies to "middle", "second", in batches, to "out", and "third" acknowledges. */
export const source: Channel<Thing> = things("source", { retry: soon });
export const middle: Channel<Thing> = things("middle", { retry: soon });
export const out: Channel<Thing> = things("out");

/** Keys that events are published with, and counters in the state of "first". */
const keys = 20;
const counters = 5;

export type OnHandled = (handled: FactOf<"handled">) => void;

/** A member of "first": an output and a counter an event. `inHandler` runs in the middle of the handler. */
export function firstMember(
  backbone: Backbone,
  options: {
    readonly takeoverAfterMs?: number;
    readonly onHandled?: OnHandled;
    readonly inHandler?: (n: number) => void | Promise<void>;
  } = {},
): Component {
  const { takeoverAfterMs = 1_000, onHandled, inHandler } = options;
  const component: Component = backbone.component(
    "first",
    [
      on(source, async (event, { publish, state }) => {
        const { payload } = event;
        onHandled?.(handledBy("first", component, event));
        const counts = state<number>("counts");
        const counter = `k${payload.n % counters}`;
        counts.set(counter, ((await counts.get(counter)) ?? 0) + 1);
        await publish(middle, payload);
        await inHandler?.(payload.n);
      }),
    ],
    { takeoverAfterMs },
  );
  return component;
}

/** The member of "second". */
export function secondMember(
  backbone: Backbone,
  options: { readonly takeoverAfterMs?: number; readonly onHandled?: OnHandled } = {},
): Component {
  const { takeoverAfterMs = 1_000, onHandled } = options;
  const component: Component = backbone.component(
    "second",
    [
      on(middle, { batch: { maxSize: 20, maxWaitMs: 5 } }, async (events, { publish }) => {
        for (const event of events) {
          onHandled?.(handledBy("second", component, event));
          await publish(out, event.payload, { causedBy: [event] });
        }
      }),
    ],
    { takeoverAfterMs },
  );
  return component;
}

/** The member of "third". */
export function thirdMember(
  backbone: Backbone,
  options: { readonly takeoverAfterMs?: number; readonly onHandled?: OnHandled } = {},
): Component {
  const { takeoverAfterMs = 1_000, onHandled } = options;
  const component: Component = backbone.component(
    "third",
    [on(out, (event) => void onHandled?.(handledBy("third", component, event)))],
    { takeoverAfterMs },
  );
  return component;
}

function handledBy(
  component: string,
  { member }: Component,
  { id, channel, entryId, payload }: { id: string; channel: string; entryId: string; payload: Thing },
): FactOf<"handled"> {
  return { fact: "handled", component, member, channel, entryId, id, key: payload.key ?? "" };
}

export interface LoadOptions extends OpenOptions {
  /** Members of "first" in this process, each with connections of its own. Default 2. */
  readonly members?: number;
  readonly takeoverAfterMs?: number;
  /**
   * What is checked of order per key, across the members. `handling` where Redis refuses settlements, which are then tried again each by itself;
   * `none` where a fault can bring entries back late. Default `outputs`.
   */
  readonly order?: "outputs" | "handling" | "none";
}

export interface Load extends AsyncDisposable {
  /** Publishes the load, over connections that no member uses. */
  readonly o: Opened;
  /** Lines of all members and of the publisher. */
  readonly log: readonly LogLine[];
  readonly components: readonly Component[];
  /** Events whose publish was acknowledged. */
  readonly acknowledged: number;
  readonly unknown: number;
  readonly rejected: number;
  /** Resolves when so many more are acknowledged, and as many have come out at the end. */
  goOn(count: number, timeoutMs?: number): Promise<void>;
  /** Calls `run` with nothing published and nothing in flight; then the load goes on. */
  atRest(run: () => Promise<void>): Promise<void>;
  /** Records that a fault may have removed the entries appended until now, of one channel or of all. Called once the fault is over. */
  mayHaveLost(channel?: string): Promise<void>;
  /** Ends the publishing, waits until everything is settled, and gives the violations of the history. */
  finish(): Promise<readonly Violation[]>;
  /** The same, and fails the test on any violation. */
  finishClean(): Promise<void>;
}

/** Resolves when the first events have gone through. */
export async function startLoad(options: LoadOptions = {}): Promise<Load> {
  const { members = 2, takeoverAfterMs = 1_000, order = "outputs", ...opening } = options;
  await using stack = new AsyncDisposableStack();
  const o = stack.use(await open(opening));
  const lines = o.log as LogLine[];
  const ordered = order === "none" ? {} : { order };
  const recorded: Fact[] = [
    { fact: "flow", component: "first", from: "source", to: "middle", counter: "counts", ...ordered },
    { fact: "flow", component: "second", from: "middle", to: "out", ...ordered },
    { fact: "flow", component: "third", from: "out", ...ordered },
  ];
  const onHandled = (fact: FactOf<"handled">): void => void recorded.push(fact);

  const { direct: _, ...given } = opening;
  const components: Component[] = [];
  for (const make of [...Array<typeof firstMember>(members).fill(firstMember), secondMember, thirdMember]) {
    const { namespace } = o.backbone;
    const servers = serversFor(given);
    const backbone = stack.use(await connectBackbone({ ...servers, ...given, namespace, log: memoryLog(lines) }));
    components.push(await o.run(make(backbone, { takeoverAfterMs, onHandled })));
  }

  const publisher = new Publisher(o, recorded);
  stack.defer(() => publisher.end());
  const allIdle = async (): Promise<void> => {
    for (const component of components) if (component.health.reason !== "closed") await component.whenIdle();
  };
  const partitions = typeof opening.partitions === "number" ? opening.partitions : 1;
  const outputs = async (): Promise<number> => {
    const lengths = Array.from({ length: partitions }, (_, partition) =>
      o.client.xlen(o.keys.stream(partition, out.name)),
    );
    return (await Promise.all(lengths)).reduce<number>((sum, length) => sum + Number(length), 0);
  };
  const finish = async (): Promise<readonly Violation[]> => {
    await publisher.end();
    await allIdle();
    const { client } = o;
    const facts = await collectHistory({
      client,
      keys: new Keys(o.backbone.namespace),
      partitions,
      recorded,
      drained: true,
    });
    const violations = checkHistory(facts);
    if (violations.length > 0) process.stdout.write(`${await keep(facts)}\n`);
    return violations;
  };
  const load: Load = {
    o,
    log: lines,
    components,
    get acknowledged() {
      return publisher.counts.acked;
    },
    get unknown() {
      return publisher.counts.unknown;
    },
    get rejected() {
      return publisher.counts.rejected;
    },
    goOn: async (count, timeoutMs = 30_000) => {
      const goal = publisher.counts.acked + count;
      const before = await outputs();
      await eventually(async () => publisher.counts.acked >= goal && (await outputs()) >= before + count, timeoutMs);
    },
    atRest: async (run) => {
      await using _paused = await publisher.pause();
      await allIdle();
      await run();
    },
    mayHaveLost: async (channel) => {
      const [seconds, micros] = await o.client.time();
      const upTo = `${Number(seconds) * 1_000 + Math.ceil(Number(micros) / 1_000)}-${(1n << 64n) - 1n}`;
      recorded.push(channel === undefined ? { fact: "loss", upTo } : { fact: "loss", channel, upTo });
    },
    finish,
    finishClean: async () => {
      const violations = await finish();
      assert.equal(violations.slice(0, 20), [], `${violations.length} violations`);
      assert.ok(publisher.counts.acked > 0);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  await load.goOn(200);
  const owned = stack.move();
  return load;
}

/** A history that violates something stays, so that it can be looked at. Gives back where. */
async function keep(facts: readonly Fact[]): Promise<string> {
  const file = join(tmpdir(), `throughline-history-${randomBytes(4).toString("hex")}.ndjson`);
  await writeFile(file, writeFacts(facts));
  return `the history: ${file}; look at it with npm run history -- FILE`;
}

/** Publishes all the time, ten events at once, and records the result of each. */
class Publisher {
  readonly counts: { acked: number; unknown: number; rejected: number } = { acked: 0, unknown: 0, rejected: 0 };
  readonly #o: Opened;
  readonly #recorded: Fact[];
  readonly #producer = randomBytes(3).toString("hex");
  #next = 0;
  #hasEnded = false;
  /** Open unless paused. */
  #gate: Promise<void> = Promise.resolve();
  #burst: Promise<unknown> = Promise.resolve();
  readonly #running: Promise<void>;

  constructor(o: Opened, recorded: Fact[]) {
    this.#o = o;
    this.#recorded = recorded;
    this.#running = this.#run();
    this.#running.catch(() => undefined); // thrown by `end`
  }

  /** Resolves when nothing is under way; dispose goes on. */
  async pause(): Promise<AsyncDisposable> {
    const paused = Promise.withResolvers<void>();
    this.#gate = paused.promise;
    await new Promise(setImmediate); // whoever was through the gate has begun by now
    await this.#burst;
    return { [Symbol.asyncDispose]: async () => paused.resolve() };
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#hasEnded) {
      await this.#gate;
      const burst = Promise.all(Array.from({ length: 10 }, () => this.#publish(this.#next++)));
      this.#burst = burst;
      this.#recorded.push(...(await burst));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async #publish(n: number): Promise<FactOf<"publish">> {
    const id = `${this.#producer}-${n}`;
    const key = `key-${n % keys}`;
    const fact = { fact: "publish", producer: this.#producer, channel: "source", id, key } as const;
    try {
      const { entryId } = await this.#o.backbone.publish(source, { n, key }, { eventId: id });
      this.counts.acked++;
      return { ...fact, outcome: "acked", entryId };
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      this.counts[error.outcome]++;
      return { ...fact, outcome: error.outcome };
    }
  }
}
