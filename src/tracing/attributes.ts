/** Names and values of span attributes, after OpenTelemetry's messaging conventions; what is static is built once per channel. */

import type { Attributes, AttributeValue } from "@opentelemetry/api";
import type { Correlation } from "../channel.ts";
import type { Processing, TracedChannel } from "../ports.ts";
import { type Baggage, joinValues, splitValues } from "./carrier.ts";

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

/** Names and attributes of one channel's spans. */
export interface ChannelSpans {
  readonly sendName: string;
  readonly createName: string;
  readonly processName: string;
  readonly sendDeadName: string;
  readonly send: Attributes;
  readonly create: Attributes;
  readonly process: Attributes;
  readonly sendDead: Attributes;
}

export function channelSpans(name: string, server: ServerAddress | undefined): ChannelSpans {
  return {
    sendName: `send ${name}`,
    createName: `create ${name}`,
    processName: `process ${name}`,
    sendDeadName: `send ${name}:dead`,
    send: operation("send", "send", name, server),
    create: operation("create", "create", name, server),
    process: operation("process", "process", name, server),
    sendDead: operation("send", "send", `${name}:dead`, server),
  };
}

function operation(opName: string, type: string, channel: string, server: ServerAddress | undefined): Attributes {
  const attributes: Attributes = {
    [attribute.system]: "redis",
    [attribute.operationName]: opName,
    [attribute.operationType]: type,
    [attribute.channel]: channel,
  };
  if (server !== undefined) attributes[attribute.serverAddress] = server.address;
  if (server?.port !== undefined) attributes[attribute.serverPort] = server.port;
  return Object.freeze(attributes);
}

/** Keeps `channelSpans` per channel object: a backbone has few, and each is asked for with every event. */
export class ChannelSpansCache {
  readonly #server: ServerAddress | undefined;
  readonly #byChannel = new WeakMap<TracedChannel, ChannelSpans>();

  constructor(server: ServerAddress | undefined) {
    this.#server = server;
  }

  of(channel: TracedChannel): ChannelSpans {
    const known = this.#byChannel.get(channel);
    if (known !== undefined) return known;
    const spans = channelSpans(channel.name, this.#server);
    this.#byChannel.set(channel, spans);
    return spans;
  }
}

/** What one attempt says beside the channel's own attributes. */
export function processAttributes(statics: Attributes, processing: Processing): Attributes {
  const { entries } = processing;
  const attributes: Attributes = {
    ...statics,
    [attribute.component]: processing.component,
    [attribute.member]: processing.member,
    [attribute.partition]: String(processing.partition),
    [attribute.attempt]: processing.attempt,
    [attribute.claimed]: processing.claimed,
  };
  const [entry] = entries;
  if (entries.length > 1) attributes[attribute.batchSize] = entries.length;
  else if (entry !== undefined) {
    attributes[attribute.entryId] = entry.entryId;
    attributes[attribute.eventId] = entry.eventId;
  }
  return attributes;
}

/** Adds what an event is found by: from its baggage first, then, over it, from its payload. */
export function correlate(attributes: Attributes, baggage: Baggage, correlation: Correlation): void {
  for (const [key, value] of baggage) {
    const values = splitValues(value);
    attributes[key] = values.length === 1 ? bounded(value) : values.slice(0, maxListLength).map(bounded);
  }
  for (const key of Object.keys(correlation)) {
    const value = attributeValueOf(correlation, key);
    if (value !== undefined) attributes[key] = value;
  }
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
      return Array.isArray(value) ? listOf(value) : undefined;
  }
}

function listOf(values: readonly unknown[]): string[] | undefined {
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
