/** The tools of one attempt: what a handler publishes and writes is collected here until the settlement. */

import type { Carrier } from "../model/carrier.ts";
import { toCauses } from "../model/causes.ts";
import type { Channel } from "../model/channel.ts";
import { encodePayload } from "../model/envelope.ts";
import { ChannelError, ConfigError } from "../model/errors.ts";
import type { Cause, EventRef } from "../model/event.ts";
import { deriveEventId } from "../model/event-id.ts";
import { payloadToPublish } from "../model/json-survival.ts";
import { plain } from "../model/plain-objects.ts";
import { listOf } from "../model/single-item-list.ts";
import type { NewEntry } from "../ports/append.ts";
import type { Output as SettledOutput } from "../ports/settle.ts";
import type { ProcessSpan } from "../ports/tracing.ts";
import { ownFailure } from "../ports/unhandled-failures.ts";
import { dueAtOf } from "../publish/due.ts";
import { Outgoing } from "../publish/outgoing.ts";
import { partitionOf } from "../publish/placement.ts";
import type { HandlingContext } from "./context.ts";
import { reasonOf } from "./outcome.ts";
import { OutputPromise } from "./output-promise.ts";
import { StateView } from "./state.ts";
import type { OutputOptions, StateStore } from "./subscription.ts";

/** An output that waits for its settlement, and names what it comes from, so that its story can be told from the log alone. */
class Output extends Outgoing implements SettledOutput {
  /** The events that were handled. */
  sources: readonly EventRef[] = noSources;

  /** Itself: a pair of its own would be one object more for each output. */
  get entry(): NewEntry {
    return this;
  }

  // The event being handled needs no traceparent there: its own entry has it. A batch's outputs come from what they state; only without
  // that from all of it.
  protected override allCauses(): readonly Cause[] {
    const { sources, causes } = this;
    const [only] = sources;
    if (only === undefined || sources.length > 1) return causes.length > 0 ? causes : toCauses(sources);
    const handled = { id: only.id, traceparent: "" };
    return causes.length === 0 ? [handled] : [handled, ...causes.filter(({ id }) => id !== only.id)];
  }
}

type CollectorContext = Pick<
  HandlingContext,
  "component" | "partition" | "partitions" | "state" | "bounds" | "onChannel" | "clock" | "log"
>;

/** Collects the outputs and state of one attempt. Thrown away whole if the attempt fails. */
export class Collector {
  readonly #context: CollectorContext;
  /** The events being handled; the outputs' ids derive from them. */
  readonly #sources: readonly EventRef[];
  readonly #sourceId: string;
  readonly #span: ProcessSpan;
  /** What the attempt has read and wants to write. */
  readonly view: StateView;
  #outputs: Output[] | undefined;
  /** Of the outputs so far, UTF-16 units as an estimate of bytes. */
  #size = 0;
  /** Publishes that are refused, or whose schema is asynchronous: the settlement waits for them even if the handler does not. */
  #doubtful: OutputPromise<unknown>[] | undefined;
  #hasFailed = false;
  /** A failure that the process calls unhandled. */
  #unhandled: unknown;
  /** A publish for which there was no room: the attempt fails whether the handler has heard of it or not. */
  #noRoom: ConfigError | undefined;
  #publishes = 0;
  /** Publishes by the one event of a batch that they name as their cause; undefined before the first. */
  #publishesOf: Map<string, number> | undefined;
  /** Why nothing can be added any more; undefined while something can. */
  #end: string | undefined;

  constructor(context: CollectorContext, sources: readonly EventRef[], span: ProcessSpan) {
    const { state, component, bounds } = context;
    this.#context = context;
    this.#sources = sources;
    const [only] = sources;
    this.#sourceId = sources.length === 1 ? (only as EventRef).id : sources.map((source) => source.id).join(" ");
    this.#span = span;
    this.view = new StateView(state, component, bounds.maxOutputs);
  }

  /** Rejects, and never throws, as an asynchronous function would. A failure that nobody awaits is the attempt's. */
  readonly publish = <P>(channel: Channel<P>, payload: P, options: OutputOptions = noOptions): Promise<EventRef> => {
    try {
      this.#refuseAfterTheEnd(channel);
      // The place among the outputs is taken now, so that ids do not depend on which schema answers first.
      const id = this.#nextId(options.causedBy);
      const checked = payloadToPublish(channel, payload);
      if (!(checked instanceof Promise)) return Promise.resolve(this.#collect(id, channel, checked, options));
      return this.#doubt(checked.then((valid) => this.#collect(id, channel, valid, options)));
    } catch (error) {
      return this.#doubt(Promise.reject(error));
    }
  };

  /** Made for those who take it; many do not. */
  get state(): <V>(store: string) => StateStore<V> {
    return <V>(store: string): StateStore<V> => {
      if (!/^[a-z][a-z0-9._-]{0,127}$/.test(store)) throw new ChannelError(`"${store}" is no name for a state store`);
      return this.view.store<V>(store, (failure) => this.#own(failure));
    };
  }

  get effectId(): string {
    return deriveEventId(this.#sourceId, this.#context.component, "effect");
  }

  /** The same on every attempt at this event by this component, and different from every output's id. */
  get effectIdOf(): (event: EventRef) => string {
    return (event) => deriveEventId(event.id, this.#context.component, "effect");
  }

  /** The baggage of one of the events. */
  get baggageOf(): (event: EventRef) => Readonly<Record<string, string>> {
    return ({ id }) => Object.fromEntries(this.#span.baggageOf(id));
  }

  /** Whether `validated` has anything to wait for. */
  get isBusy(): boolean {
    return this.#doubtful !== undefined || this.#hasFailed;
  }

  /** Waits for asynchronous schemas. @throws the first failure of a publish that the handler did not hear of */
  async validated(): Promise<void> {
    // The list grows while it is gone through: a failure is passed on along a chain of promises.
    for (const publish of this.#doubtful ?? []) await publish.heard();
    // An asynchronous function may have heard of it that nobody awaits: the process knows at the end of this turn.
    if (this.#hasFailed) await new Promise<void>((resolve) => this.#context.clock.soon(resolve));
    if (this.#unhandled !== undefined) throw this.#unhandled;
    if (this.#noRoom !== undefined) throw this.#noRoom;
  }

  /** Nothing more can be added, for a reason that follows "it was called". */
  finish(end: string): void {
    this.#end = end;
    this.view.end(end);
  }

  /** What is to be appended, in the order of the publishes. */
  get outputs(): readonly SettledOutput[] {
    return this.#outputs ?? noOutputs;
  }

  /** An estimate of the outputs' bytes. */
  get size(): number {
    return this.#size;
  }

  /** The settlement appended the outputs. */
  appended(entryIds: readonly string[]): void {
    if (this.#outputs === undefined) return;
    for (let i = 0; i < this.#outputs.length; i++) this.#outputs[i]?.sent(entryIds[i] ?? "");
  }

  /** Nothing was appended and nothing will be. */
  discard(reason: unknown, end: string): void {
    this.finish(end);
    for (const output of this.#outputs ?? []) output.unsent(reason);
  }

  /** A failure of the tools: where nobody handles it, it is the attempt's. */
  #own(failure: unknown): void {
    this.#hasFailed = true;
    ownFailure(failure, (reason) => {
      if (this.#end === undefined) this.#unhandled ??= reason;
      else this.#tellLate(reason);
    });
  }

  /** The attempt has ended, and cannot fail with it any more. */
  #tellLate(failure: unknown): void {
    const { log, component } = this.#context;
    const fields = { component, reason: reasonOf(failure) };
    log.error(fields, "what a handler did not await failed after its attempt's end");
  }

  #doubt<T>(publish: Promise<T>): Promise<T> {
    publish.catch((failure: unknown) => this.#own(failure));
    if (this.#end !== undefined)
      return OutputPromise.watched(
        publish,
        (promise) => void promise.heard().catch((failure: unknown) => this.#tellLate(failure)),
      );
    return OutputPromise.watched(publish, (promise) => {
      this.#doubtful ??= [];
      this.#doubtful.push(promise);
    });
  }

  /**
   * Of an output that names one of the events as its cause, the id derives from that one alone: a batch that is cut anew gives it the same. Places
   * of such outputs are counted by themselves, so that they are never those of the batch's other outputs, however few events it has.
   */
  #nextId(causedBy: OutputOptions["causedBy"]): string {
    const place = this.#publishes++;
    const [cause] = causedBy ?? noSources;
    if (cause === undefined || causedBy?.length !== 1 || !this.#sources.some(({ id }) => id === cause.id))
      return deriveEventId(this.#sourceId, this.#context.component, place);
    this.#publishesOf ??= new Map();
    const own = this.#publishesOf.get(cause.id) ?? 0;
    this.#publishesOf.set(cause.id, own + 1);
    return deriveEventId(cause.id, this.#context.component, `caused ${own}`);
  }

  #collect<P>(id: string, channel: Channel<P>, payload: P, options: OutputOptions): EventRef {
    this.#refuseAfterTheEnd(channel);
    // All that can be refused comes before the span, which somebody has to end.
    const json = encodePayload(channel, payload);
    const key = channel.key(payload);
    this.#makeRoom(json.length + key.length);
    const correlation = channel.correlation(payload);
    const { clock, partition: own, partitions, onChannel } = this.#context;
    const time = options.time ?? clock.wallNow();
    const stated = options.causedBy === undefined ? noCauses : toCauses(options.causedBy);
    const isBySource = channel.placement === "source" || key === "";
    const partition = isBySource ? own : partitionOf(key, partitions);
    const dueAt = dueAtOf(options);
    const output = new Output(channel, partition, id, time, key, json, correlation, stated, undefined, dueAt);
    output.sources = this.#sources;
    output.under(this.#span.send(output));
    onChannel(channel);
    if (this.#outputs === undefined) this.#outputs = listOf(output);
    else this.#outputs.push(output);
    return new OutputRef(id, channel.name, output.carrier);
  }

  /** @throws {ConfigError} where there is none for another output */
  #makeRoom(size: number): void {
    const { maxOutputs, maxOutputBytes } = this.#context.bounds;
    const count = this.#outputs?.length ?? 0;
    this.#size += size;
    if (count === 0 || (count < maxOutputs && this.#size <= maxOutputBytes)) return;
    this.#size -= size;
    const most = count < maxOutputs ? `${maxOutputBytes} bytes (maxOutputBytes)` : `${maxOutputs} events (maxOutputs)`;
    this.#noRoom = new ConfigError(
      `component "${this.#context.component}": an attempt publishes up to ${most}: Redis does nothing else while they are settled. ` +
        "Use several events, each for a part of them",
    );
    throw this.#noRoom;
  }

  #refuseAfterTheEnd({ name }: { readonly name: string }): void {
    if (this.#end !== undefined) throw new ChannelError(`publish("${name}") was called ${this.#end}`);
  }
}

/** Of an output that waits for its settlement: it has no entry yet. */
const OutputRef = plain<EventRef, [id: string, channel: string, carrier: Carrier]>(function (id, channel, carrier) {
  this.id = id;
  this.channel = channel;
  this.entryId = "";
  this.traceparent = carrier.traceparent;
  if (carrier.stories) this.stories = carrier.stories;
});

const noSources: readonly EventRef[] = Object.freeze([]);
const noOutputs: readonly Output[] = Object.freeze([]);
const noCauses: readonly Cause[] = Object.freeze([]);
const noOptions: OutputOptions = Object.freeze({});
