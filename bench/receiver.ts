/** The process of an OTLP/gRPC receiver that takes everything at once, and counts. Over HTTP it says how many spans it has, and since when. */

import { createServer } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { monotonicMs } from "./clock.ts";
import { countSpans } from "./span-count.ts";

/** What it tells its parent once it listens. */
export interface ReceiverPorts {
  readonly otlp: number;
  readonly count: number;
}

/** What it answers over HTTP. */
export interface Received {
  readonly spans: number;
  /** When the last of them came, by the clock that all processes share; 0 when none has. */
  readonly lastMs: number;
}

/**
 * How much may be on its way to it. A Collector's windows grow within its first round trips to what the connection takes; the gRPC library
 * for Node has no such thing for servers, and with the 64 KiB that HTTP/2 begins with, whoever sends batches of 400 KB waits for
 * permission six times each.
 */
const windowBytes = 16 * 1_024 * 1_024;
/** Of a gRPC message: whether it is compressed, and its length. */
const prefixBytes = 5;
/** An answer without a field: all was taken. */
const nothing = Buffer.alloc(prefixBytes);

let spans = 0;
let lastMs = 0;

function answer(stream: ServerHttp2Stream, path: string): void {
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  stream.on("error", () => undefined); // whoever has gone needs no answer
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
