/** Runs a component's handlers over a record, in this process: deliveries are processed as in live operation, with a store in memory. */

import type { Subscription } from "../../consume/subscription.ts";
import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import type { Channel } from "../../model/channel.ts";
import { ConfigError, ReplayError } from "../../model/errors.ts";
import { deriveEventId, newEventId } from "../../model/event-id.ts";
import type { Speed } from "../../model/speed.ts";
import { type Log, silentLog } from "../../ports/log.ts";
import type { Replaying, ReplaySpan } from "../../ports/tracing.ts";
import { factorOf, Pace } from "../source/pacing.ts";
import type { ReplayLine, ReplaySource } from "../source/source.ts";
import type { CapturedCall, ReplaySummary, StateValue } from "./captured-call.ts";
import { Run } from "./component-run.ts";
import { appendedSteps, knowsSettlements, type ReplayOrder, settledSteps } from "./recorded-order.ts";

/** The options of `replayComponent`. */
export interface ComponentReplayOptions {
  readonly source: ReplaySource;
  /** The component whose settlements give the order, and from whose name the ids of outputs and effects derive. */
  readonly component: string;
  /** The handlers as they run live. */
  readonly subscriptions: readonly Subscription[];
  /** The component's state before the first entry. Default: empty. */
  readonly state?: Iterable<StateValue>;
  /** Channels that the handlers publish to, where they are known beforehand. */
  readonly outputs?: readonly Channel<unknown>[];
  /** Default: `settled` where the source has the component's settlements, else `appended`. */
  readonly order?: ReplayOrder;
  /** The time between calls: the recorded one, or a fraction of it. Default `max`: none. */
  readonly speed?: Speed;
  /** A log for failed attempts. Default: none. */
  readonly log?: Log;
}

/** The options, and the span of each run. */
export interface ReplayParts extends ComponentReplayOptions {
  readonly openSpan: (replaying: Replaying) => ReplaySpan;
}

/**
 * A component's replay, which is itself a source of the lines that the log would hold: the entries that the component reads, its outputs
 * and its settlements. Each reading runs the handlers anew, from the given state. Nothing is published or written anywhere, but an
 * effect that a handler has without its tools does happen.
 */
export class ComponentReplay implements ReplaySource {
  readonly name: string;
  readonly namespace: string;
  readonly partitions: number;
  readonly component: string;
  readonly #parts: ReplayParts;
  readonly #inputs: ReadonlyMap<string, Subscription>;
  /** Channels that the handlers publish to: the declared ones, and those seen so far. */
  readonly #outputs = new Set<string>();
  #run: Run | undefined;

  /** @throws {ConfigError} on options that cannot be used. @throws {ReplayError} where the source has no channel of the component */
  constructor(parts: ReplayParts) {
    const { source, component, subscriptions } = parts;
    if (subscriptions.length === 0) throw new ConfigError(`component "${component}" subscribes to nothing`);
    const inputs = new Map(subscriptions.map((subscription) => [subscription.channel.name, subscription]));
    if (inputs.size < subscriptions.length) {
      throw new ConfigError(
        `component "${component}" subscribes to a channel twice: each of its entries has one handler`,
      );
    }
    const known = source.channels.some((channel) => inputs.has(channel));
    if (!known) {
      throw new ReplayError(
        `"${component}" reads ${[...inputs.keys()].join(", ")}, of which ${source.name} has nothing: it has ${source.channels.join(", ")}`,
      );
    }
    factorOf(parts.speed ?? "max"); // throws on an invalid speed before anything runs
    this.#parts = parts;
    this.#inputs = inputs;
    for (const { name } of parts.outputs ?? []) this.#outputs.add(name);
    this.component = component;
    this.name = `"${component}" over ${source.name}`;
    this.namespace = source.namespace;
    this.partitions = source.partitions;
  }

  /** The channels that the component reads and, as far as they are known by now, those that it publishes to. */
  get channels(): readonly string[] {
    return [...new Set([...this.#inputs.keys(), ...this.#outputs])];
  }

  /** The counts of the current or last run; undefined before the first. */
  get summary(): ReplaySummary | undefined {
    return this.#run?.summary;
  }

  /** The component's state after the last run. */
  *state(): Generator<StateValue, void, undefined> {
    if (this.#run !== undefined) yield* this.#run.state();
  }

  /** Runs the handlers. Ends early, without an error, when the signal aborts. @throws what the source throws */
  async *calls(signal?: AbortSignal): AsyncGenerator<CapturedCall, void, undefined> {
    for await (const step of this.#steps(signal)) if (step.kind === "call") yield step.call;
  }

  /** Runs the handlers, and gives the calls as lines of a log. @throws what the source throws */
  async *lines(signal?: AbortSignal): AsyncGenerator<ReplayLine, void, undefined> {
    let settlements = 0;
    for await (const step of this.#steps(signal)) {
      if (step.kind === "entry") {
        // What the component has published itself is in the log once: as the replay publishes it.
        if (!isOutputOf(this.component, step.entry)) yield step;
        continue;
      }
      const { partition, channel, entries, outcome, error, outputs } = step.call;
      for (const entry of outputs) yield { kind: "entry", entry };
      const call = {
        channel,
        entryIds: entries.map(({ entryId }) => entryId),
        outcome,
        ...(error === undefined ? {} : { error: `${error.code}: ${error.reason}` }),
      };
      const entryId = `${step.at}-${settlements++}`;
      yield { kind: "settlement", settlement: { component: this.component, partition, entryId, calls: [call] } };
    }
  }

  async *#steps(signal?: AbortSignal): AsyncGenerator<Step, void, undefined> {
    const { source, component, order, state = [], speed = "max", log = silentLog, openSpan } = this.#parts;
    const wanted = order ?? ((await knowsSettlements(source, component, signal)) ? "settled" : "appended");
    const runId = newEventId();
    const span = openSpan({ runId, channels: [...this.#inputs.keys()], component });
    const { partitions } = this;
    const run = new Run({ component, runId, partitions, order: wanted, subscriptions: this.#inputs, state, span, log });
    this.#run = run;
    const pace = new Pace(speed);
    let failure: unknown;
    try {
      const plan = { source, component, subscriptions: this.#inputs, gaps: run.gaps, signal };
      const steps = wanted === "settled" ? settledSteps(plan) : appendedSteps(plan);
      for await (const step of steps) {
        if (isAborted(signal)) return;
        if (step.kind === "entry") {
          if (step.bytes !== undefined) run.notText.add(step.entry);
          yield step;
          continue;
        }
        await pace.due(step.call.at, signal);
        if (isAborted(signal)) return;
        for (const call of await run.make(step.call)) {
          for (const { channel } of call.outputs) this.#outputs.add(channel);
          yield { kind: "call", call, at: step.call.at };
        }
      }
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      span.ended(run.summary.events, failure);
    }
  }
}

/** Most outputs of one event that are looked for. */
const maxLookedFor = 16;

/** True for an entry that the component has published when it handled the entry's first cause. */
function isOutputOf(component: string, { envelope }: LogEntry): boolean {
  const source = envelope?.causes[0]?.id;
  if (envelope === undefined || source === undefined) return false;
  for (let index = 0; index < maxLookedFor; index++) {
    for (const place of [index, `caused ${index}`])
      if (deriveEventId(source, component, place) === envelope.id) return true;
  }
  return false;
}

type Step =
  | Extract<ReplayLine, { readonly kind: "entry" }>
  | { readonly kind: "call"; readonly call: CapturedCall; readonly at: number };

// A function, because the compiler's flow analysis does not see that a signal can abort during an await.
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
