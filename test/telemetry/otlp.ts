/** OTLP messages as the official definitions decode them, and spans as tests read them. */

/** The lines that the receiver writes. */
export type ReceiverLine =
  | { readonly line: "mode"; readonly mode: string; readonly port: number }
  | { readonly line: "hung" }
  | { readonly line: "export"; readonly spans: number; readonly bytes: string }
  | { readonly line: "span"; readonly span: WireSpan }
  | { readonly line: "metric"; readonly metric: WireMetric };

export type Attributes = Readonly<Record<string, AttributeValue>>;
export type AttributeValue = string | number | boolean | readonly AttributeValue[] | undefined;

export interface SpanRef {
  readonly traceId: string;
  readonly spanId: string;
}

/** A span as it went over the wire. Ids are hex; `parentSpanId` is empty for a root. */
export interface WireSpan extends SpanRef {
  readonly service: string;
  readonly resource: Attributes;
  readonly scope: string;
  readonly scopeVersion: string;
  readonly schemaUrl: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: string;
  readonly attributes: Attributes;
  readonly links: readonly SpanRef[];
  readonly droppedLinks: number;
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[];
  readonly status: string;
  readonly statusMessage: string;
  readonly startNs: string;
  readonly endNs: string;
}

export interface WireMetric {
  readonly service: string;
  readonly name: string;
  readonly unit: string;
  readonly type: "sum" | "gauge" | "histogram" | "other";
  /** Histogram. */
  readonly temporality?: string;
  readonly points: readonly {
    readonly attributes: Attributes;
    /** Sum and gauge. */
    readonly value: number;
    /** Histogram. */
    readonly count: number;
    readonly bounds: readonly number[];
    /** Histogram: what else its point says. */
    readonly spread?: {
      readonly counts: readonly number[];
      readonly sum: number;
      readonly min: number;
      readonly max: number;
      readonly startNs: string;
      readonly endNs: string;
    };
  }[];
}

interface AnyValue {
  readonly value?:
    | "stringValue"
    | "boolValue"
    | "intValue"
    | "doubleValue"
    | "arrayValue"
    | "kvlistValue"
    | "bytesValue";
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values: readonly AnyValue[] };
}

interface KeyValue {
  readonly key: string;
  readonly value: AnyValue | null;
}

interface Resource {
  readonly attributes: readonly KeyValue[];
}

export interface ExportTrace {
  readonly resourceSpans: readonly {
    readonly resource: Resource | null;
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string; readonly version: string } | null;
      readonly schemaUrl: string;
      readonly spans: readonly {
        readonly traceId: Buffer;
        readonly spanId: Buffer;
        readonly parentSpanId: Buffer;
        readonly traceState: string;
        readonly name: string;
        readonly kind: string;
        readonly attributes: readonly KeyValue[];
        readonly links: readonly { readonly traceId: Buffer; readonly spanId: Buffer }[];
        readonly droppedLinksCount: number;
        readonly events: readonly { readonly name: string; readonly attributes: readonly KeyValue[] }[];
        readonly status: { readonly code: string; readonly message: string } | null;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
      }[];
    }[];
  }[];
}

interface NumberPoint {
  readonly attributes: readonly KeyValue[];
  readonly value?: "asInt" | "asDouble";
  readonly asInt?: string;
  readonly asDouble?: number;
}

export interface ExportMetrics {
  readonly resourceMetrics: readonly {
    readonly resource: Resource | null;
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly unit: string;
        readonly data?: string;
        readonly sum?: { readonly dataPoints: readonly NumberPoint[] };
        readonly gauge?: { readonly dataPoints: readonly NumberPoint[] };
        readonly histogram?: {
          readonly aggregationTemporality: string;
          readonly dataPoints: readonly {
            readonly attributes: readonly KeyValue[];
            readonly count: string;
            readonly explicitBounds: readonly number[];
            readonly bucketCounts: readonly string[];
            readonly sum: number;
            readonly min: number;
            readonly max: number;
            readonly startTimeUnixNano: string;
            readonly timeUnixNano: string;
          }[];
        };
      }[];
    }[];
  }[];
}

export function toSpans({ resourceSpans }: ExportTrace): WireSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const of = toAttributes(resource?.attributes ?? []);
    return scopeSpans.flatMap(({ scope, schemaUrl, spans }) =>
      spans.map((span) => ({
        service: String(of["service.name"]),
        resource: of,
        scope: scope?.name ?? "",
        scopeVersion: scope?.version ?? "",
        schemaUrl,
        traceId: span.traceId.toString("hex"),
        spanId: span.spanId.toString("hex"),
        parentSpanId: span.parentSpanId.toString("hex"),
        traceState: span.traceState,
        name: span.name,
        kind: span.kind.replace("SPAN_KIND_", ""),
        attributes: toAttributes(span.attributes),
        links: span.links.map(({ traceId, spanId }) => ({
          traceId: traceId.toString("hex"),
          spanId: spanId.toString("hex"),
        })),
        droppedLinks: span.droppedLinksCount,
        events: span.events.map(({ name, attributes }) => ({ name, attributes: toAttributes(attributes) })),
        status: (span.status?.code ?? "STATUS_CODE_UNSET").replace("STATUS_CODE_", ""),
        statusMessage: span.status?.message ?? "",
        startNs: span.startTimeUnixNano,
        endNs: span.endTimeUnixNano,
      })),
    );
  });
}

export function toMetrics({ resourceMetrics }: ExportMetrics): WireMetric[] {
  return resourceMetrics.flatMap(({ resource, scopeMetrics }) => {
    const service = String(toAttributes(resource?.attributes ?? [])["service.name"]);
    return scopeMetrics.flatMap(({ metrics }) =>
      metrics.map(({ name, unit, sum, gauge, histogram }): WireMetric => {
        const numbers = (points: readonly NumberPoint[]) =>
          points.map(({ attributes, asInt, asDouble, value }) => ({
            attributes: toAttributes(attributes),
            value: value === "asInt" ? Number(asInt) : (asDouble ?? 0),
            count: 0,
            bounds: [],
          }));
        if (sum) return { service, name, unit, type: "sum", points: numbers(sum.dataPoints) };
        if (gauge) return { service, name, unit, type: "gauge", points: numbers(gauge.dataPoints) };
        if (!histogram) return { service, name, unit, type: "other", points: [] };
        const points = histogram.dataPoints.map((point) => ({
          attributes: toAttributes(point.attributes),
          value: 0,
          count: Number(point.count),
          bounds: point.explicitBounds,
          spread: {
            counts: point.bucketCounts.map(Number),
            sum: point.sum,
            min: point.min,
            max: point.max,
            startNs: point.startTimeUnixNano,
            endNs: point.timeUnixNano,
          },
        }));
        const temporality = histogram.aggregationTemporality.replace("AGGREGATION_TEMPORALITY_", "");
        return { service, name, unit, type: "histogram", temporality, points };
      }),
    );
  });
}

function toAttributes(pairs: readonly KeyValue[]): Attributes {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, toValue(value)]));
}

function toValue(value: AnyValue | null): AttributeValue {
  switch (value?.value) {
    case "stringValue":
      return value.stringValue;
    case "boolValue":
      return value.boolValue;
    case "intValue":
      return Number(value.intValue);
    case "doubleValue":
      return value.doubleValue;
    case "arrayValue":
      return value.arrayValue?.values.map(toValue);
    default:
      return undefined;
  }
}
