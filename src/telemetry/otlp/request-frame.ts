/** The OTLP request around encoded spans: resource and scope, which are the same for all spans of a process. */

import type { Resource } from "@opentelemetry/resources";
import { AttributeEncoder } from "./attribute-encoder.ts";
import type { EncodedSpans } from "./encoded-spans.ts";
import { sizeOfVarint, Wire } from "./protobuf-writer.ts";

/** An instrumentation scope; an empty version is none. */
export interface Scope {
  readonly name: string;
  readonly version: string;
  readonly schemaUrl: string;
}

/** Puts the request around the spans of one process. */
export class RequestFrame {
  readonly #resource: Resource;
  readonly #scope: Buffer;
  readonly #front = new Wire(1_024);
  #encoded: Buffer | undefined;

  constructor(resource: Resource, scope: Scope) {
    this.#resource = resource;
    const wire = new Wire(256);
    wire.byte(0x0a);
    const begun = wire.begin();
    wire.byte(0x0a);
    wire.text(scope.name);
    if (scope.version !== "") {
      wire.byte(0x12);
      wire.text(scope.version);
    }
    wire.end(begun);
    wire.byte(0x1a); // the schema of the scope's spans comes before them, which no reader minds
    wire.text(scope.schemaUrl);
    this.#scope = wire.copy();
  }

  /** Resolves when all of the resource is known; undefined where it is known already. */
  settling(): Promise<void> | undefined {
    const { asyncAttributesPending } = this.#resource;
    return asyncAttributesPending === true ? this.#resource.waitForAsyncAttributes?.() : undefined;
  }

  /**
   * Makes an `ExportTraceServiceRequest` of one `ResourceSpans` of one `ScopeSpans`. Does not copy the spans where
   * there is room before them.
   */
  around({ bytes, start }: EncodedSpans): Buffer {
    this.#encoded ??= encode(this.#resource);
    const wire = this.#front;
    const inScope = this.#scope.length + bytes.length - start;
    wire.at = 0;
    wire.byte(0x0a);
    wire.varint(this.#encoded.length + 1 + sizeOfVarint(inScope) + inScope);
    wire.raw(this.#encoded);
    wire.reserve(8);
    wire.byte(0x12);
    wire.varint(inScope);
    wire.raw(this.#scope);
    if (wire.at > start) return Buffer.concat([wire.copy(), bytes.subarray(start)]);
    wire.bytes.copy(bytes, start - wire.at, 0, wire.at);
    return bytes.subarray(start - wire.at);
  }
}

/** Encodes fields 1 and 3 of a `ResourceSpans`. */
function encode({ attributes, schemaUrl }: Resource): Buffer {
  const wire = new Wire(1_024);
  wire.byte(0x0a);
  const begun = wire.beginLong();
  new AttributeEncoder(wire).putAll(0x0a, attributes);
  wire.endLong(begun);
  if (schemaUrl !== undefined && schemaUrl !== "") {
    wire.reserve(1);
    wire.byte(0x1a);
    wire.text(schemaUrl);
  }
  return wire.copy();
}
