/** Arbitrary spans: how they are opened, and what is told to them, any text and number included. */

import {
  type Attributes,
  createTraceState,
  type Exception,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
} from "@opentelemetry/api";
import fc from "fast-check";
import type { Opening } from "../../src/tracing/sdk.ts";

/** Tells a span something. */
export type Told = (span: Span) => unknown;

const hex = (length: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length })
    .map((id) => `${id.slice(1)}1`);
/** Any UTF-16 at all, so half surrogate pairs too. */
const utf16 = fc.array(fc.nat(0xffff), { maxLength: 8 }).map((codes) => String.fromCharCode(...codes));
const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 20 }) },
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 2_000 }))
    .map(([one, times]) => one.repeat(times)),
  utf16,
);
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    -1,
    127,
    128,
    2 ** 31,
    2 ** 32,
    2 ** 32 - 1,
    -(2 ** 32),
    2 ** 53,
    -(2 ** 53),
    2 ** 62,
    2 ** 63,
    -(2 ** 63),
    2 ** 64,
  ),
);
const scalar = fc.oneof(text, number, fc.boolean());
const value = fc.oneof(
  { weight: 6, arbitrary: scalar },
  fc.array(text, { maxLength: 5 }),
  fc.array(number, { maxLength: 5 }),
  fc.array(fc.boolean(), { maxLength: 5 }),
  fc.array(fc.option(scalar), { maxLength: 5 }),
  fc.uint8Array({ maxLength: 200 }),
  fc.dictionary(fc.constantFrom("a", "b", "c"), fc.oneof(scalar, fc.array(scalar)), { noNullPrototype: true }),
);
const key = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("messaging.system", "user.id", "order.id", "a", "b", "schlüssel") },
  text.filter((one) => one !== "" && one !== "__proto__"),
);
const attributes: fc.Arbitrary<Attributes> = fc.dictionary(key, fc.oneof(value, fc.constant(undefined)), {
  maxKeys: 12,
  noNullPrototype: true,
});
const simpleAttributes: fc.Arbitrary<Attributes> = fc.dictionary(key, scalar, { maxKeys: 5, noNullPrototype: true });
const context: fc.Arbitrary<SpanContext> = fc
  .tuple(hex(32), hex(16), fc.nat(255), fc.option(fc.boolean()), fc.boolean())
  .map(([traceId, spanId, traceFlags, isRemote, stated]) => ({
    traceId,
    spanId,
    traceFlags,
    ...(isRemote !== null && { isRemote }),
    ...(stated && { traceState: createTraceState("vendor=1,other=käse") }),
  }));
const link: fc.Arbitrary<Link> = fc.tuple(context, fc.option(attributes)).map(([to, of]) => ({
  context: to,
  ...(of !== null && { attributes: of }),
}));
const time: fc.Arbitrary<[number, number] | Date> = fc.oneof(
  fc.tuple(fc.nat(4_294_967_295), fc.nat(999_999_999)),
  fc.date({ min: new Date(0), max: new Date("2200-01-01"), noInvalidDate: true }),
);
const exception: fc.Arbitrary<Exception> = fc.oneof(
  text,
  fc.record(
    { code: fc.oneof(text, fc.nat()), name: text, message: text, stack: text },
    { requiredKeys: [], noNullPrototype: true },
  ) as fc.Arbitrary<Exception>,
);
/** One thing that is told to a span. */
export const told: fc.Arbitrary<Told> = fc.oneof(
  fc.tuple(key, value).map(
    ([name, what]): Told =>
      (span) =>
        span.setAttribute(name, what),
  ),
  attributes.map(
    (many): Told =>
      (span) =>
        span.setAttributes(many),
  ),
  fc.tuple(text, fc.option(simpleAttributes), time).map(
    ([name, of, at]): Told =>
      (span) =>
        of === null ? span.addEvent(name, at) : span.addEvent(name, of, at),
  ),
  link.map(
    (one): Told =>
      (span) =>
        span.addLink(one),
  ),
  fc.array(link, { maxLength: 3 }).map(
    (many): Told =>
      (span) =>
        span.addLinks(many),
  ),
  fc.tuple(fc.constantFrom(SpanStatusCode.UNSET, SpanStatusCode.OK, SpanStatusCode.ERROR), fc.option(text)).map(
    ([code, message]): Told =>
      (span) =>
        span.setStatus({ code, ...(message !== null && { message }) }),
  ),
  text.map(
    (name): Told =>
      (span) =>
        span.updateName(name),
  ),
  fc.tuple(exception, time).map(
    ([what, at]): Told =>
      (span) =>
        span.recordException(what, at),
  ),
);
/** Rare, as nothing that comes after it is to be seen. */
export const ending: fc.Arbitrary<Told> = time.map((at) => (span) => span.end(at));
export const opening: fc.Arbitrary<Opening> = fc.record({
  name: text,
  kind: fc.constantFrom(SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER),
  parent: fc.option(context, { nil: undefined }),
  context: fc.constant(undefined),
  links: fc.array(
    context.map((one): Link => ({ context: one })),
    { maxLength: 4 },
  ),
  statics: attributes,
  attributes,
});
