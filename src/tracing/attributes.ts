/** Names and values of span attributes, after OpenTelemetry's messaging conventions; what is static is built once per channel. */

import type { Attributes, AttributeValue } from "@opentelemetry/api";
import type { Correlation } from "../model/channel.ts";
import type { Processing, TracedChannel } from "../ports/tracing.ts";
import { type Baggage, type CarrierLimits, isPlainBaggage, joinValues, plainValueOf, splitValues } from "./carrier.ts";

/** @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
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
  /** How many links there would have been, where they are more than a span can hold. */
  linksTotal: "throughline.links.total",
  /** On every span of a replay: what has it is not live. */
  replayRun: "throughline.replay.run",
  replayEntries: "throughline.replay.entries",
} as const;

/** Where the backbone's Redis is, for `server.address` and `server.port`. */
export interface ServerAddress {
  readonly address: string;
  readonly port?: number;
}

const maxTextLength = 1_024;
const maxListLength = 128;

type SendVerb = "send" | "create" | "sendDead";

/** What the attempts of one member say on one partition; `first` beside it what nearly all say: the first one, of an entry that was read. */
interface MemberStatics {
  readonly component: string;
  readonly member: string;
  readonly partition: number;
  readonly any: Attributes;
  readonly first: Attributes;
}

/** Members remembered for each channel: as many as a process has components on it, and those that they were before a rejoin. */
const maxMembers = 64;

/** Names of one channel's spans, and the attributes that they have in common, each the same object for the same ones. */
export class ChannelSpans {
  readonly sendName: string;
  readonly createName: string;
  readonly processName: string;
  readonly sendDeadName: string;
  readonly send: Attributes;
  readonly #process: Attributes;
  readonly #base: Readonly<Record<SendVerb, Attributes>>;
  /** By partition. */
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

  /** Of what is written into a partition. */
  of(verb: SendVerb, partition: number): Attributes {
    const known = this.#sends[verb][partition];
    if (known !== undefined) return known;
    const statics = Object.freeze({ ...this.#base[verb], [attribute.partition]: String(partition) });
    this.#sends[verb][partition] = statics;
    return statics;
  }

  /** Of an attempt; what is rare about it is added to `attributes`. */
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

/** Keeps `ChannelSpans` per channel object: a backbone has few, and each is asked for with every event. */
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

/** Adds what an event is found by: from its baggage first, then, over it, from its payload. */
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
 * As `correlate`, from a baggage field of short plain ids, as nearly all are, without taking it apart. False: there is anything else, and
 * `correlate` has to be asked; what was added until then stands.
 */
export function correlatePlain(
  attributes: Attributes,
  field: string,
  correlation: Correlation,
  limits: CarrierLimits,
): boolean {
  if (!isPlainBaggage(field, limits)) return false;
  for (const key of limits.baggageKeys) {
    const value = plainValueOf(field, key);
    if (value === undefined || value.length > limits.maxBaggageValueBytes) return false;
    if (value !== "") attributes[key] = value;
  }
  addCorrelation(attributes, correlation);
  return true;
}

/** As `correlate`, for several events: the distinct values of all, a list where they differ. */
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

/** A correlation value as baggage; undefined where there is none that could travel. */
export function baggageValueOf(correlation: Correlation, key: string): string | undefined {
  const attributeValue = attributeValueOf(correlation, key);
  if (attributeValue === undefined) return undefined;
  return Array.isArray(attributeValue) ? joinValues(attributeValue as string[]) : String(attributeValue);
}

/** Whatever a channel's `correlation` gave, as an attribute: types are a promise that untyped callers do not keep. */
function attributeValueOf(correlation: Correlation, key: string): AttributeValue | undefined {
  try {
    return toAttributeValue(correlation[key]);
  } catch {
    return undefined; // a getter that throws
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

function bounded(text: string): string {
  return text.length > maxTextLength ? text.slice(0, maxTextLength) : text;
}

/** `error.type`: a stable code where the error has one, else its class. */
export function errorTypeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "_OTHER";
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (typeof code === "string" && code !== "") return bounded(code);
  return typeof name === "string" && name !== "" ? bounded(name) : "_OTHER";
}

/** The error as a span records it, bounded. */
export function exceptionOf(error: unknown): { name: string; message: string; stack?: string } {
  if (!(error instanceof Error)) return { name: "_OTHER", message: bounded(textOf(error)) };
  const exception = { name: errorTypeOf(error), message: bounded(String(error.message)) };
  return typeof error.stack === "string" ? { ...exception, stack: error.stack.slice(0, 4 * maxTextLength) } : exception;
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return typeof value;
  }
}
