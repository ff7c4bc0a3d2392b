/** The tools of one attempt: what a handler publishes and writes is collected here until the settlement. */

import { type Channel, validatePayload } from "../channel.ts";
import { encodeEntry, encodePayload } from "../envelope.ts";
import { ChannelError } from "../errors.ts";
import type { Cause, EventRef } from "../event.ts";
import { deriveEventId } from "../event-id.ts";
import type { NewEntry, ProcessSpan, SendSpan } from "../ports.ts";
import { toCauses } from "../publish/causes.ts";
import type { StateView } from "./state.ts";
import type { OutputOptions, PublishOutput, StateStore, Tools } from "./subscription.ts";

/** An output that waits for its settlement. */
interface Output {
  readonly entry: NewEntry;
  readonly span: SendSpan;
}

/** Collects the outputs and state of one attempt. Thrown away whole if the attempt fails. */
export class Collector {
  readonly #component: string;
  readonly #partition: number;
  /** The events being handled; the outputs' ids derive from them. */
  readonly #sources: readonly EventRef[];
  readonly #sourceId: string;
  readonly #span: ProcessSpan;
  /** What the attempt has read and wants to write. */
  readonly view: StateView;
  readonly #onChannel: (channel: Channel<unknown>) => void;
  #outputs: Output[] | undefined;
  /** Publishes whose schema is asynchronous; the settlement waits for them even if the handler does not. */
  #validating: Promise<unknown>[] | undefined;
  #publishes = 0;
  #isOpen = true;

  constructor(
    component: string,
    partition: number,
    sources: readonly EventRef[],
    span: ProcessSpan,
    view: StateView,
    onChannel: (channel: Channel<unknown>) => void,
  ) {
    this.#component = component;
    this.#partition = partition;
    this.#sources = sources;
    const [only] = sources;
    this.#sourceId = sources.length === 1 ? (only as EventRef).id : sources.map((source) => source.id).join(" ");
    this.#span = span;
    this.view = view;
    this.#onChannel = onChannel;
  }

  /** Rejects, and never throws, as an asynchronous function would. */
  readonly publish = <P>(channel: Channel<P>, payload: P, options: OutputOptions = noOptions): Promise<EventRef> => {
    try {
      this.#refuseAfterTheEnd(channel);
      // The place among the outputs is taken now, so that ids do not depend on which schema answers first.
      const place = this.#publishes++;
      const checked = validatePayload(channel, payload);
      if (!(checked instanceof Promise)) return Promise.resolve(this.#collect(place, channel, checked, options));
      const collected = checked.then((valid) => this.#collect(place, channel, valid, options));
      this.#validating ??= [];
      this.#validating.push(collected);
      return collected;
    } catch (error) {
      return Promise.reject(error);
    }
  };

  /** Made for those who take it; many do not. */
  get state(): <V>(store: string) => StateStore<V> {
    return <V>(store: string): StateStore<V> => {
      if (!/^[a-z][a-z0-9._-]{0,127}$/.test(store)) throw new ChannelError(`"${store}" is no name for a state store`);
      return this.view.store<V>(store);
    };
  }

  get effectId(): string {
    return deriveEventId(this.#sourceId, this.#component, "effect");
  }

  /** The same on every attempt at this event by this component, and different from every output's id. */
  get effectIdOf(): (event: EventRef) => string {
    return (event) => deriveEventId(event.id, this.#component, "effect");
  }

  /** Whether a publish still waits for its schema. */
  get isBusy(): boolean {
    return this.#validating !== undefined;
  }

  /** @throws what an asynchronous schema found */
  async validated(): Promise<void> {
    if (this.#validating !== undefined) await Promise.all(this.#validating);
  }

  /** Nothing more can be added. */
  finish(): void {
    this.#isOpen = false;
  }

  /** What is to be appended, in the order of the publishes. */
  get entries(): readonly NewEntry[] {
    return this.#outputs === undefined ? noEntries : this.#outputs.map(({ entry }) => entry);
  }

  /** The settlement appended the outputs. */
  appended(entryIds: readonly string[]): void {
    if (this.#outputs === undefined) return;
    for (let i = 0; i < this.#outputs.length; i++) this.#outputs[i]?.span.sent(entryIds[i] ?? "");
  }

  /** Nothing was appended and nothing will be. */
  discard(reason: unknown): void {
    this.#isOpen = false;
    for (const { span } of this.#outputs ?? []) span.failed(reason);
  }

  #collect<P>(place: number, channel: Channel<P>, payload: P, options: OutputOptions): EventRef {
    this.#refuseAfterTheEnd(channel);
    // All that can be refused comes before the span, which somebody has to end.
    const json = encodePayload(channel, payload);
    const key = channel.key(payload);
    const correlation = channel.correlation(payload);
    const id = deriveEventId(this.#sourceId, this.#component, place);
    const stated = options.causedBy === undefined ? noCauses : toCauses(options.causedBy);
    const span = this.#span.send({
      channel,
      partition: this.#partition,
      eventId: id,
      correlation,
      causes: stated,
      baggage: undefined,
    });
    this.#onChannel(channel);
    const causes = this.#allCauses(stated);
    const values = encodeEntry(id, options.time ?? Date.now(), key, json, span.carrier, causes);
    this.#outputs ??= [];
    this.#outputs.push({ entry: { channel: channel.name, values, dedupeWindowMs: 0, cap: channel.cap }, span });
    return { id, channel: channel.name, entryId: "", traceparent: span.carrier.traceparent };
  }

  // An output always names what it comes from, so that its story can be told from the log alone. The event being handled needs no
  // traceparent there: its own entry has it. A batch's outputs come from what they state; only without that from all of them.
  #allCauses(stated: readonly Cause[]): readonly Cause[] {
    if (this.#sources.length > 1 && stated.length > 0) return stated;
    if (this.#sources.length > 1) return toCauses(this.#sources);
    const handled = { id: this.#sourceId, traceparent: "" };
    if (stated.length === 0) return [handled];
    return [handled, ...stated.filter((cause) => cause.id !== this.#sourceId)];
  }

  #refuseAfterTheEnd({ name }: { readonly name: string }): void {
    if (this.#isOpen) return;
    throw new ChannelError(`publish("${name}") was called after its handler had returned: await it inside the handler`);
  }
}

const noEntries: readonly NewEntry[] = Object.freeze([]);
const noCauses: readonly Cause[] = Object.freeze([]);
const noOptions: OutputOptions = Object.freeze({});

/** What collects for a handler, once it is asked to. */
interface Collecting {
  readonly attempt: number;
  readonly collector: Collector;
}

/** What the handler of one event gets. What collects is made, and the effect id's digest taken, when somebody asks for it. */
export class SingleTools implements Tools {
  readonly signal: AbortSignal;
  readonly #collecting: Collecting;

  constructor(collecting: Collecting, signal: AbortSignal) {
    this.signal = signal;
    this.#collecting = collecting;
  }

  get attempt(): number {
    return this.#collecting.attempt;
  }

  get publish(): PublishOutput {
    return this.#collecting.collector.publish;
  }

  get state(): <V>(store: string) => StateStore<V> {
    return this.#collecting.collector.state;
  }

  get effectId(): string {
    return this.#collecting.collector.effectId;
  }
}
