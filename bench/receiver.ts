/**
 * The process of an OTLP/gRPC receiver that accepts everything at once, and counts. Over HTTP it reports the number of
 * spans, and the time of the last.
 */

import { createServer } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { monotonicMs } from "./clock.ts";
import { countSpans } from "./span-count.ts";

/** The message to the parent process once the receiver listens. */
export interface ReceiverPorts {
  readonly otlp: number;
  readonly count: number;
}

/** The answer over HTTP. */
export interface Received {
  readonly spans: number;
  /** Time of the last span, by the clock that all processes share; 0 when none has come. */
  readonly lastMs: number;
}

/**
 * Bytes that may be on their way to the receiver. A Collector's windows grow to the connection's capacity within the
 * first round trips. The gRPC library for Node cannot do that for servers, and starts with HTTP/2's 64 KiB: a sender of
 * batches of 400 KB would wait for permission six times each.
 */
const windowBytes = 16 * 1_024 * 1_024;
/** Bytes before a gRPC message: the compression flag, and the length. */
const prefixBytes = 5;
/** An answer without a field: all spans were accepted. */
const nothing = Buffer.alloc(prefixBytes);

let spans = 0;
let lastMs = 0;

function answer(stream: ServerHttp2Stream, path: string): void {
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  stream.on("error", () => undefined); // a client that has gone needs no answer
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.on("end", () => {
    const request = Buffer.concat(parts);
    if (path.endsWith("trace.v1.TraceService/Export")) {
      if (request[0] !== 0) throw new Error("the export is compressed");
      spans += countSpans(request.subarray(prefixBytes));
      lastMs = monotonicMs();
    }
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.end(nothing);
  });
}

const receiver = createHttp2Server({ settings: { initialWindowSize: windowBytes } });
receiver.on("session", (session) => session.setLocalWindowSize(windowBytes));
receiver.on("stream", (stream, headers) => answer(stream, headers[":path"] ?? ""));
const counter = createServer((_, response) => {
  response.end(JSON.stringify({ spans, lastMs } satisfies Received));
});
receiver.listen(0, "127.0.0.1", () => {
  counter.listen(0, "127.0.0.1", () => {
    const [otlp, count] = [receiver, counter].map((server) => (server.address() as AddressInfo).port);
    process.send?.({ otlp, count } as ReceiverPorts);
  });
});
process.on("disconnect", () => process.exit());
