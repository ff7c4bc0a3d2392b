/** Sends encoded spans to a Collector over OTLP/gRPC. */

import { Client, Metadata } from "@grpc/grpc-js";
import { diag } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { convertLegacyOtlpGrpcOptions, type OTLPGRPCExporterConfigNode } from "@opentelemetry/otlp-grpc-exporter-base";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { EncodedSpans } from "./encoded-spans.ts";
import type { RequestFrame } from "./request-frame.ts";
import type { Exporter } from "./retrying-sender.ts";

const method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/** The name of this exporter, as OTLP asks of exporters. */
const exporterName = "Throughline-OTLP-Exporter-JavaScript";
/** The number of gzip among gRPC's compressions. */
const gzip = 2;

/** Makes an exporter by the `OTEL_EXPORTER_OTLP_*` variables. Settings in `config` go before them. */
export function createEncodedExporter(frame: RequestFrame, config: OTLPGRPCExporterConfigNode): Exporter<EncodedSpans> {
  return new EncodedExporter(frame, config);
}

/**
 * Calls the Collector without OpenTelemetry's transport, which copies each request and keeps the copy until a full
 * collection (docs/performance.md). So a batch must not change before its call has succeeded; a batch whose call has
 * failed must never change.
 */
class EncodedExporter implements Exporter<EncodedSpans> {
  readonly #frame: RequestFrame;
  readonly #options: ReturnType<typeof convertLegacyOtlpGrpcOptions>;
  #client: Client | undefined;
  #metadata: Metadata = new Metadata();
  readonly #underway = new Set<Promise<void>>();

  constructor(frame: RequestFrame, config: OTLPGRPCExporterConfigNode) {
    this.#frame = frame;
    this.#options = convertLegacyOtlpGrpcOptions(config, "TRACES");
  }

  export(spans: EncodedSpans, done: (result: ExportResult) => void): void {
    const settling = this.#frame.settling();
    const call = (settling === undefined ? this.#call(spans) : settling.then(() => this.#call(spans))).then(
      () => done({ code: ExportResultCode.SUCCESS }),
      (error: Error) => done({ code: ExportResultCode.FAILED, error }),
    );
    this.#underway.add(call);
    const ended = (): unknown => this.#underway.delete(call);
    call.then(ended, ended);
  }

  /** Sends one batch. @throws {ServiceError} */
  #call(spans: EncodedSpans): Promise<void> {
    return new Promise((resolve, reject) => {
      const client = this.#connected();
      const deadline = Date.now() + this.#options.timeoutMillis;
      const answered = (error: Error | null, answer?: Buffer): void => {
        if (error !== null) {
          reject(error);
          return;
        }
        resolve();
        reportRejected(answer);
      };
      client.makeUnaryRequest(method, same, same, this.#frame.around(spans), this.#metadata, { deadline }, answered);
    });
  }

  /** Connects at the first call, as that reads certificates. @throws an error about the certificates */
  #connected(): Client {
    if (this.#client !== undefined) return this.#client;
    const { url, credentials, metadata, compression, userAgent } = this.#options;
    this.#metadata = metadata();
    this.#client = new Client(url, credentials(), {
      "grpc.default_compression_algorithm": compression === "gzip" ? gzip : 0,
      "grpc.primary_user_agent": `${userAgent ?? ""} ${exporterName}`.trim(),
    });
    return this.#client;
  }

  async shutdown(): Promise<void> {
    await Promise.allSettled(this.#underway);
    this.#client?.close();
  }
}

/**
 * Logs how many spans a Collector has rejected: it may take a part of a batch, and never the rest. Never throws, as it
 * runs within gRPC: a log that fails cannot be told about it.
 */
function reportRejected(answer: Buffer | undefined): void {
  const complaint = answer === undefined ? "" : complaintOf(answer);
  if (complaint === "") return;
  try {
    diag.warn(complaint);
  } catch {
    // The log itself has failed.
  }
}

/** The Collector's complaint; empty where the answer has none, as most have. */
function complaintOf(answer: Buffer): string {
  try {
    const { partialSuccess = {} } = ProtobufTraceSerializer.deserializeResponse(answer);
    const { rejectedSpans = 0, errorMessage = "" } = partialSuccess;
    const rejected = Number(rejectedSpans);
    if (rejected === 0 && errorMessage === "") return "";
    const taken = rejected === 0 ? "all spans of a batch" : `a batch without ${rejected} of its spans`;
    return `the Collector has taken ${taken}: ${errorMessage}`;
  } catch (error) {
    return `the Collector has taken a batch, and its answer cannot be read: ${String(error)}`;
  }
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
