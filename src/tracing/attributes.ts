/**
 * Names and values of span attributes, after OpenTelemetry's messaging conventions. Static attributes are built once
 * for each channel.
 */

import type { Attributes, AttributeValue } from "@opentelemetry/api";
import type { Correlation } from "../model/channel.ts";
import { bounded } from "../model/error-facts.ts";
import type { Processing, TracedChannel } from "../ports/tracing.ts";
import { joinValues, splitValues } from "./baggage-field.ts";
import { isBaggageKey } from "./baggage-key.ts";
import type { Baggage, CarrierLimits } from "./carrier.ts";
import { isPlainBaggage } from "./plain-baggage.ts";

/** Attribute names. @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
export const attribute = {
  system: "messaging.system",
  operationName: "messaging.operation.name",
  operationType: "messaging.operation.type",
  channel: "messaging.destination.name",
  partition: "messaging.destination.partition.id",
  component: "messaging.consumer.group.name",
  member: "messaging.client.id",
  entryId: "messaging.message.id",
  eventId: "messaging.message.conversation_id",
  batchSize: "messaging.batch.message_count",
  serverAddress: "server.address",
  serverPort: "server.port",
  errorType: "error.type",
  outcome: "throughline.outcome",
  attempt: "throughline.attempt",
  claimed: "throughline.claimed",
  /** The number of links before the cut, where there were more than a span can hold. */
  linksTotal: "throughline.links.total",
  /** The number of stories that an event belongs to, where its entry cannot carry them all. */
  storiesTotal: "throughline.stories.total",
  /** The run's id, on every span of a replay: a span with it is not live. */
  replayRun: "throughline.replay.run",
  replayEntries: "throughline.replay.entries",
} as const;

/** The address of the backbone's Redis, for `server.address` and `server.port`. */
export interface ServerAddress {
  readonly address: string;
  readonly port?: number;
}

const maxListLength = 128;

type SendVerb = "send" | "create" | "sendDead";

/**
 * The static attributes of one member's attempts on one partition. `first` is the usual case: a first attempt at an
 * entry that was read.
 */
interface MemberStatics {
  readonly component: string;
  readonly member: string;
  readonly partition: number;
  readonly any: Attributes;
  readonly first: Attributes;
}

/**
 * Most members remembered for each channel: there is one for each component of the process, and another after each
 * rejoin.
 */
const maxMembers = 64;

/** Names of one channel's spans, and their common attributes. The same attributes are always the same object. */
export class ChannelSpans {
  readonly sendName: string;
  readonly createName: string;
  readonly processName: string;
  readonly sendDeadName: string;
  readonly send: Attributes;
  readonly #process: Attributes;
  readonly #base: Readonly<Record<SendVerb, Attributes>>;
  /** Attributes by verb and partition. */
  readonly #sends: Readonly<Record<SendVerb, Attributes[]>> = { send: [], create: [], sendDead: [] };
  #members: MemberStatics[] = [];

  constructor(name: string, server: ServerAddress | undefined) {
    this.sendName = `send ${name}`;
    this.createName = `create ${name}`;
    this.processName = `process ${name}`;
    this.sendDeadName = `send ${name}:dead`;
    this.send = operation("send", name, server);
    this.#process = operation("process", name, server);
    this.#base = {
      send: this.send,
      create: operation("create", name, server),
      sendDead: operation("send", `${name}:dead`, server),
    };
  }

  /** The static attributes of a write into a partition. */
  of(verb: SendVerb, partition: number): Attributes {
    const known = this.#sends[verb][partition];
    if (known !== undefined) return known;
    const statics = Object.freeze({ ...this.#base[verb], [attribute.partition]: String(partition) });
    this.#sends[verb][partition] = statics;
    return statics;
  }

  /** The static attributes of an attempt. Rare ones are added to `attributes` instead. */
  processing({ component, member, partition, attempt, claimed }: Processing, attributes: Attributes): Attributes {
    const statics = this.#of(component, member, partition);
    if (attempt === 1 && !claimed) return statics.first;
    attributes[attribute.attempt] = attempt;
    attributes[attribute.claimed] = claimed;
    return statics.any;
  }

  #of(component: string, member: string, partition: number): MemberStatics {
    for (const known of this.#members)
      if (known.member === member && known.partition === partition && known.component === component) return known;
    const any = Object.freeze({
      ...this.#process,
      [attribute.component]: component,
      [attribute.member]: member,
      [attribute.partition]: String(partition),
    });
    const first = Object.freeze({ ...any, [attribute.attempt]: 1, [attribute.claimed]: false });
    const statics: MemberStatics = { component, member, partition, any, first };
    if (this.#members.length >= maxMembers) this.#members = [];
    this.#members.push(statics);
    return statics;
  }
}

function operation(type: string, channel: string, server: ServerAddress | undefined): Attributes {
  const attributes: Attributes = {
    [attribute.system]: "redis",
    [attribute.operationName]: type,
    [attribute.operationType]: type,
    [attribute.channel]: channel,
  };
  if (server !== undefined) attributes[attribute.serverAddress] = server.address;
  if (server?.port !== undefined) attributes[attribute.serverPort] = server.port;
  return Object.freeze(attributes);
}

/** Keeps the `ChannelSpans` of each channel object: a backbone has few channels, and every event needs one. */
export class ChannelSpansCache {
  readonly #server: ServerAddress | undefined;
  readonly #byChannel = new WeakMap<TracedChannel, ChannelSpans>();

  constructor(server: ServerAddress | undefined) {
    this.#server = server;
  }

  of(channel: TracedChannel): ChannelSpans {
    const known = this.#byChannel.get(channel);
    if (known !== undefined) return known;
    const spans = new ChannelSpans(channel.name, this.#server);
    this.#byChannel.set(channel, spans);
    return spans;
  }
}

/** Adds the attributes by which an event is found: those of its baggage, overridden by those of its payload. */
export function correlate(attributes: Attributes, baggage: Baggage, correlation: Correlation): void {
  for (const [key, value] of baggage) {
    const values = splitValues(value);
    attributes[key] = values.length === 1 ? bounded(value) : values.slice(0, maxListLength).map(bounded);
  }
  addCorrelation(attributes, correlation);
}

function addCorrelation(attributes: Attributes, correlation: Correlation): void {
  for (const key of Object.keys(correlation)) {
    const value = attributeValueOf(correlation, key);
    if (value !== undefined) attributes[key] = value;
  }
}

/**
 * Does what `correlate` does, for a baggage field of short plain ids, which nearly all are, without taking it apart.
 * False: the field holds anything else, and `correlate` has to be called; attributes that were added until then stay.
 */
export function correlatePlain(
  attributes: Attributes,
  field: string,
  correlation: Correlation,
  limits: CarrierLimits,
): boolean {
  if (!isPlainBaggage(field, limits)) return false;
  for (let at = 0; at < field.length; ) {
    const equals = field.indexOf("=", at);
    const comma = field.indexOf(",", equals);
    const end = comma < 0 ? field.length : comma;
    const key = field.slice(at, equals);
    if (attributes[key] !== undefined) return false; // a list that is continued
    attributes[key] = field.slice(equals + 1, end);
    at = end + 1;
  }
  addCorrelation(attributes, correlation);
  return true;
}

/** Does what `correlate` does, for several events: the distinct values of all, as a list where there are several. */
export function correlateBatch(
  attributes: Attributes,
  events: readonly { readonly correlation: Correlation }[],
  baggages: readonly Baggage[],
): void {
  const found = new Map<string, Set<string>>();
  events.forEach(({ correlation }, i) => {
    const own: Attributes = {};
    correlate(own, baggages[i] as Baggage, correlation);
    for (const [key, value] of Object.entries(own)) {
      const values = found.get(key) ?? new Set();
      found.set(key, values);
      for (const one of Array.isArray(value) ? value : [value])
        if (values.size < maxListLength) values.add(String(one));
    }
  });
  for (const [key, values] of found) attributes[key] = values.size === 1 ? [...values][0] : [...values];
}

/** A correlation value as baggage; undefined where there is none, or none that could travel. */
export function baggageValueOf(correlation: Correlation, key: string): string | undefined {
  const attributeValue = attributeValueOf(correlation, key);
  if (attributeValue === undefined) return undefined;
  return Array.isArray(attributeValue) ? joinValues(attributeValue as string[]) : String(attributeValue);
}

/**
 * A value of a channel's `correlation` as an attribute. It may be of any type: untyped callers do not keep the types.
 */
function attributeValueOf(correlation: Correlation, key: string): AttributeValue | undefined {
  try {
    return toAttributeValue(correlation[key]);
  } catch {
    return undefined; // the value's getter throws
  }
}

function toAttributeValue(value: unknown): AttributeValue | undefined {
  switch (typeof value) {
    case "string":
      return value === "" ? undefined : bounded(value);
    case "number":
      return Number.isFinite(value) ? value : undefined;
    case "boolean":
      return value;
    case "bigint":
      return value.toString();
    default:
      return Array.isArray(value) ? distinctOf(value) : undefined;
  }
}

function distinctOf(values: readonly unknown[]): string[] | undefined {
  const list = new Set<string>();
  for (const value of values.slice(0, maxListLength)) {
    const one = Array.isArray(value) ? undefined : toAttributeValue(value);
    if (one !== undefined) list.add(String(one));
  }
  return list.size === 0 ? undefined : [...list];
}

/**
 * Adds to an event's baggage what its own channel's correlation names and the baggage does not have: an entry that another language wrote may
 * say all in its payload.
 */
export function completed(baggage: Baggage, correlation: Correlation): Baggage {
  let own: Map<string, string> | undefined;
  for (const key of Object.keys(correlation)) {
    const value = baggage.has(key) || !isBaggageKey(key) ? undefined : baggageValueOf(correlation, key);
    if (value === undefined) continue;
    own ??= new Map();
    own.set(key, value);
  }
  return own === undefined ? baggage : new Map([...own, ...baggage]);
}
