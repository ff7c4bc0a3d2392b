/** A process's health over HTTP, for Docker, Compose and Kubernetes: `/live` and `/ready`. */

import { createServer } from "node:http";
import type { ComponentHealth } from "../consume/component.ts";
import { ConfigError } from "../errors.ts";
import { escaped } from "../safe-text.ts";

export interface HealthOptions {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** The components of this process, undefined while it waits for Redis. */
  readonly look: () => readonly ComponentHealth[] | undefined;
}

export interface HealthServer extends AsyncDisposable {
  readonly url: string;
}

/**
 * `/live` answers 200 unless a component's loop stands still while Redis answers it: then only a new process helps. `/ready` answers
 * 200 when every component has its groups, is answered and is not draining. Otherwise 503, with the reason in a line of JSON.
 * @throws {ConfigError} when the address or the port cannot be had
 */
export async function serveHealth({ host, port, look }: HealthOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://health");
    const components = look();
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : `${escaped(JSON.stringify(body))}\n`);
    };
    if (request.method !== "GET" && request.method !== "HEAD") answer(405, { reason: "ask with GET" });
    else if (pathname === "/live") {
      const isLive = components?.every((component) => component.isLive) ?? true;
      answer(isLive ? 200 : 503, { live: isLive, components: components ?? [] });
    } else if (pathname === "/ready") {
      const isReady = components !== undefined && components.length > 0 && components.every((one) => one.isReady);
      const reason = components === undefined ? "not connected" : "no component runs";
      const why = isReady || (components?.length ?? 0) > 0 ? {} : { reason };
      answer(isReady ? 200 : 503, { ready: isReady, ...why, components: components ?? [] });
    } else answer(404, { reason: "there are /live and /ready" });
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      failed(new ConfigError(`the health endpoint cannot listen on ${host}:${port} (${cause.code})`, { cause }));
    });
    server.listen(port, host, listening);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the health endpoint listens nowhere");
  return {
    url: `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      await closed;
    },
  };
}
