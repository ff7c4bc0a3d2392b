/** Estimates the memory that a held span takes: good enough to bound it, cheap enough to do for each. */

import type { Attributes } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

const spanBytes = 512;
const linkBytes = 256;
const eventBytes = 128;
const valueBytes = 16;

/** The span's estimated size, bytes. */
export function sizeOf(span: ReadableSpan): number {
  let bytes = spanBytes + span.name.length + span.links.length * linkBytes + sizeOfAttributes(span.attributes);
  for (const event of span.events) bytes += eventBytes + sizeOfAttributes(event.attributes);
  return bytes;
}

function sizeOfAttributes(attributes: Attributes | undefined): number {
  let bytes = 0;
  for (const key in attributes) bytes += key.length + sizeOfValue(attributes[key]);
  return bytes;
}

function sizeOfValue(value: unknown): number {
  if (typeof value === "string") return valueBytes + value.length;
  return Array.isArray(value) ? value.reduce((sum: number, one) => sum + sizeOfValue(one), valueBytes) : valueBytes;
}
