/** The console's server: the guard, the interface below `/api`, and the page. */

import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { compress } from "hono/compress";
import { ConfigError, openObserver, openOperator } from "../../index.ts";
import { ResourceStack } from "../../model/resource-stack.ts";
import { endsWithin } from "../../model/waits.ts";
import { openReplays, type Replays } from "../../replay.ts";
import type { Console, ResolvedConsoleOptions } from "../options.ts";
import { channel } from "./channel.ts";
import { component } from "./component.ts";
import { deadLetters } from "./dead-letters.ts";
import { headers, hosts, origins, token } from "./guard.ts";
import { Look } from "./look.ts";
import { Mask } from "./mask.ts";
import { overview } from "./overview.ts";
import { loadPage, type PageFile } from "./page.ts";
import { problemOf, Refusal } from "./refusal.ts";
import { replays } from "./replays.ts";
import type { AddRoutes, Parts } from "./routes.ts";
import { story } from "./story.ts";
import { time } from "./time.ts";

const routes: readonly AddRoutes[] = [overview, story, channel, component, deadLetters, replays, time];

/** Largest request, bytes: a selection of some ten thousand dead letters. */
const maxRequestBytes = 1_048_576;

/** Longest wait for what ends with the console, ms: with Redis away it would not end. */
const endingWithinMs = 4_000;

/** Serves until disposed of. @throws {ConfigError} where the address cannot be listened on */
export async function serve(options: ResolvedConsoleOptions): Promise<Console> {
  const { url, cluster, sentinel, tls, namespace, log, host } = options;
  const where = { url, cluster, sentinel, tls, namespace, log };
  const opened = new ResourceStack();
  const closing = new AbortController();
  const observer = opened.use(openObserver(where));
  const operator = opened.use(openOperator(where));
  let replaying: Replays | undefined;
  opened.defer(async () => replaying?.[Symbol.asyncDispose]());
  const parts: Parts = {
    options,
    observer,
    operator,
    replays: () => {
      replaying ??= openReplays(where);
      return replaying;
    },
    look: new Look(observer),
    mask: new Mask(options.mask),
    closing: closing.signal,
    ending: new Set(),
  };
  let port = options.port;
  const app = appOf(parts, await loadPage(), () => port);
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions: { requestTimeout: 30_000 } }) as Server;
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  try {
    port = await listen(server, host, options.port);
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
  opened.defer(async () => {
    closing.abort();
    const closed = new Promise<void>((done) => server.close(() => done()));
    for (const socket of sockets) socket.destroy();
    await closed;
    await endsWithin(endingWithinMs, Promise.allSettled(parts.ending));
  });
  const name = host.includes(":") ? `[${host}]` : host;
  const secret = options.token === undefined ? "" : `?token=${options.token}`;
  return { url: `http://${name}:${port}/${secret}`, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}

function appOf(parts: Parts, page: ReadonlyMap<string, PageFile>, portOf: () => number): Hono {
  const { options } = parts;
  const { log } = options;
  const app = new Hono();
  app.onError((error, c) => {
    const known = problemOf(error);
    if (known === undefined) log.error({ err: error, path: c.req.path }, "the console could not answer");
    const { status, problem } = known ?? {
      status: 500 as const,
      problem: "The console failed at this; its log says why.",
    };
    c.header("cache-control", "no-store");
    return c.req.path.startsWith("/api/") ? c.json({ problem }, status) : c.text(`${problem}\n`, status);
  });
  app.use(headers(), hosts(options, portOf), origins(), token(options, portOf));
  app.use("/api/*", bodyLimit({ maxSize: maxRequestBytes }));
  // Server-sent events are left as they are: a compressor would hold them back.
  app.use("/api/*", compress());
  const api = new Hono();
  for (const add of routes) add(api, parts);
  api.all("*", () => {
    throw new Refusal(404, "The console has no such address.");
  });
  app.route("/api", api);
  app.get("*", (c) => {
    // Every view has an address of its own, and all are the same page.
    const name = c.req.path.slice(1);
    const isFile = page.has(name);
    const file = page.get(isFile ? name : "index.html");
    if (file === undefined || (!isFile && name.includes("."))) throw new Refusal(404, "The console has no such page.");
    const accepted = c.req.header("accept-encoding") ?? "";
    const encoding = ["br", "gzip"].find((one) => accepted.includes(one));
    const bytes = encoding === "br" ? file.brotli : encoding === "gzip" ? file.gzip : file.bytes;
    return c.body(new Uint8Array(bytes), 200, {
      "content-type": file.type,
      "cache-control": "no-cache",
      vary: "accept-encoding",
      ...(encoding === undefined ? {} : { "content-encoding": encoding }),
    });
  });
  return app;
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((listening, failed) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const hint = cause.code === "EADDRINUSE" ? ": another program listens there, choose another --port" : "";
      failed(
        new ConfigError(`the console cannot listen on ${host}:${port} (${cause.code ?? cause.message})${hint}`, {
          cause,
        }),
      );
    });
    server.listen(port, host, listening);
  });
  return (server.address() as AddressInfo).port;
}
