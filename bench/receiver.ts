/** The process of an OTLP/gRPC receiver that takes everything at once, and counts. Over HTTP it says how many spans it has, and since when. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
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

let spans = 0;
let lastMs = 0;
const nothing = Buffer.alloc(0); // an answer without a field: all was taken

/** The definitions are not needed for taking bytes and answering with none. */
function exportService(name: string, take: (request: Buffer) => void) {
  const same = (bytes: Buffer): Buffer => bytes;
  const definition = {
    Export: {
      path: `/opentelemetry.proto.collector.${name}/Export`,
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  };
  const answer = ({ request }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
    take(request);
    done(null, nothing);
  };
  return [definition, { Export: answer }] as const;
}

const server = new Server({ "grpc.max_receive_message_length": 16 * 1_024 * 1_024 });
server.addService(
  ...exportService("trace.v1.TraceService", (request) => {
    spans += countSpans(request);
    lastMs = monotonicMs();
  }),
);
server.addService(...exportService("metrics.v1.MetricsService", () => undefined));
const otlp = await new Promise<number>((resolve, reject) => {
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
    if (error === null) resolve(port);
    else reject(error);
  });
});
const counter = createServer((_, response) => {
  response.end(JSON.stringify({ spans, lastMs } satisfies Received));
});
counter.listen(0, "127.0.0.1", () => {
  process.send?.({ otlp, count: (counter.address() as AddressInfo).port } satisfies ReceiverPorts);
});
process.on("disconnect", () => process.exit());
