/** Trace requests as the official definitions read them, for comparing one encoder with another. */

import { loadSync } from "@grpc/proto-loader";
import { definitionsDir } from "./otlp-definitions.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A span's message; attributes by key, as their order says nothing, and what is not set as its default. */
export type DecodedSpan = Fields;

const service = loadSync("opentelemetry/proto/collector/trace/v1/trace_service.proto", {
  includeDirs: [definitionsDir],
  longs: String,
  enums: String,
  bytes: String,
  defaults: true,
  oneofs: true,
})["opentelemetry.proto.collector.trace.v1.TraceService"] as unknown as {
  readonly Export: { readonly requestDeserialize: (bytes: Uint8Array) => object };
};

interface Request {
  readonly resourceSpans: readonly {
    readonly resource: Fields;
    readonly schemaUrl: string;
    readonly scopeSpans: readonly {
      readonly scope: Fields;
      readonly schemaUrl?: string;
      readonly spans: readonly Fields[];
    }[];
  }[];
}

export function decodeRequest(bytes: Uint8Array): Request {
  return service.Export.requestDeserialize(Buffer.from(bytes)) as Request;
}

export function spansOf(bytes: Uint8Array): DecodedSpan[] {
  const { resourceSpans } = decodeRequest(bytes);
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(unordered)));
}

function unordered(span: Fields): DecodedSpan {
  return {
    ...span,
    status: span["status"] ?? { code: "STATUS_CODE_UNSET", message: "" },
    ...byKey(span),
    links: (span["links"] as Fields[]).map((link) => ({ ...link, ...byKey(link) })),
    events: (span["events"] as Fields[]).map((event) => ({ ...event, ...byKey(event) })),
  };
}

/** @throws when a key stands there twice */
function byKey({ attributes }: Fields): { readonly attributes: ReadonlyMap<unknown, unknown> } {
  const pairs = attributes as readonly { readonly key: unknown; readonly value: unknown }[];
  const found = new Map(pairs.map(({ key, value }) => [key, value]));
  if (found.size < pairs.length) throw new Error(`a key stands there twice: ${pairs.map(({ key }) => key).join(", ")}`);
  return { attributes: found };
}

/** The fields that these definitions do not know yet: the flags of each span and of its links. */
export function flagsOf(request: Uint8Array): { readonly span: number; readonly links: readonly number[] }[] {
  const spans = [request]
    .flatMap((bytes) => within(bytes, 1))
    .flatMap((bytes) => within(bytes, 2))
    .flatMap((bytes) => within(bytes, 2));
  return spans.map((span) => ({ span: flags(span, 16), links: within(span, 13).map((link) => flags(link, 6)) }));
}

function within(message: Uint8Array, field: number): Uint8Array[] {
  return fieldsOf(message).flatMap(({ number, bytes }) => (number === field ? [bytes] : []));
}

function flags(message: Uint8Array, field: number): number {
  const [bytes, ...more] = within(message, field);
  if (bytes?.length !== 4 || more.length > 0) throw new Error(`field ${field} is no single number of four bytes`);
  return Buffer.from(bytes).readUInt32LE();
}

function fieldsOf(message: Uint8Array): { readonly number: number; readonly bytes: Uint8Array }[] {
  const fields: { number: number; bytes: Uint8Array }[] = [];
  let place = 0;
  const varint = (): number => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = message[place++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (place < message.length) {
    const tag = varint();
    const type = tag & 7;
    if (type === 0) varint();
    else {
      const size = type === 1 ? 8 : type === 5 ? 4 : varint();
      fields.push({ number: tag >>> 3, bytes: message.subarray(place, place + size) });
      place += size;
    }
  }
  return fields;
}
