/** Serves a process's health over HTTP, for Docker, Compose and Kubernetes: `/live` and `/ready`; and to Prometheus its `/metrics`. */

import type { RequestListener } from "node:http";
import type { ComponentHealth } from "../consume/component.ts";
import { escaped } from "../model/safe-text.ts";
import type { Log } from "../ports/log.ts";
import { createBoundedServer } from "./bounded-server.ts";

export interface HealthOptions {
  readonly host: string;
  /** The port; 0 for a free one. */
  readonly port: number;
  /** Gives the components of this process; undefined while the process waits for Redis. */
  readonly look: () => readonly ComponentHealth[] | undefined;
  /** Answers `/metrics`; without it there is no such path. */
  readonly metrics?: RequestListener;
  readonly log: Log;
}

export interface HealthServer extends AsyncDisposable {
  readonly url: string;
}

/** Most connections that wait at once: a probe takes milliseconds. */
const maxConnections = 32;

/**
 * Serves `/live`, `/ready`, and `/metrics` where there are any.
 * `/live` answers 200 unless a component's loop stands still while Redis answers it: then only a new process helps.
 * `/ready` answers 200 when every component has its groups, is answered and is not draining. Otherwise both answer 503,
 * with the reason in a line of JSON.
 * @throws {ConfigError} when the address or the port cannot be had
 */
export async function serveHealth({ host, port, look, metrics, log }: HealthOptions): Promise<HealthServer> {
  const onRequest: RequestListener = (request, response) => {
    const pathname = URL.parse(request.url ?? "/", "http://health")?.pathname; // undefined for a target such as "//"
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
    } else if (pathname === "/metrics" && metrics !== undefined) metrics(request, response);
    else
      answer(404, {
        reason: metrics === undefined ? "there are /live and /ready" : "there are /live, /ready and /metrics",
      });
  };
  const { listen, close } = createBoundedServer({
    name: "the health endpoint",
    maxWaiting: maxConnections,
    onRequest,
    log,
  });
  const { address, family, port: listening } = await listen(host, port);
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${listening}`,
    [Symbol.asyncDispose]: close,
  };
}
