/** A Collector in the process of the test. */

import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerErrorResponse,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { decodeRequest } from "./decoded.ts";

const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** Keeps the bytes, and takes its time of the same processor. */
export class LocalReceiver implements AsyncDisposable {
  readonly requests: Buffer[] = [];
  /** The content of each request. */
  readonly metadata: Metadata[] = [];
  /** The reply to each request; undefined: no reply at all. */
  answer: () => Buffer | Partial<ServerErrorResponse> | undefined = () => Buffer.alloc(0);
  endpoint = "";
  readonly #server = new Server();

  static async start(): Promise<LocalReceiver> {
    const receiver = new LocalReceiver();
    const same = (bytes: Buffer): Buffer => bytes;
    const definition = {
      Export: {
        path,
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    };
    receiver.#server.addService(definition, {
      Export: ({ request, metadata }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
        receiver.requests.push(request);
        receiver.metadata.push(metadata);
        const answer = receiver.answer();
        if (Buffer.isBuffer(answer)) done(null, answer);
        else if (answer !== undefined) done(answer);
      },
    });
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    receiver.#server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
    receiver.endpoint = `http://127.0.0.1:${await promise}`;
    return receiver;
  }

  /** The spans received since the last call, of one scope and of any other. */
  take(name: string): { readonly spans: Record<string, unknown>[]; readonly others: number } {
    const scopes = this.requests
      .splice(0)
      .flatMap((bytes) => decodeRequest(bytes).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans));
    const [own, others] = [true, false].map((wanted) =>
      scopes.filter(({ scope }) => (scope["name"] === name) === wanted).flatMap(({ spans }) => spans),
    );
    return { spans: own ?? [], others: others?.length ?? 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}
