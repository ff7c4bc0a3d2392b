/** A console of a log with one entry, on a Redis of its own that a test takes away from it and gives back. */

import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { type Proxy as FaultyProxy, startProxy } from "../support/proxy.ts";
import { type Opened, openConsole } from "./browser.ts";

export interface Behind extends AsyncDisposable {
  readonly proxy: FaultyProxy;
  readonly log: HandWritten;
  readonly o: Opened;
}

/** `proxy` is between the console and Redis, `log` is not behind it. */
export async function openBehindProxy(): Promise<Behind> {
  await using opening = new AsyncDisposableStack();
  const redis = opening.use(await startPrivateRedis());
  const proxy = opening.use(await startProxy(redis.url));
  const log = opening.use(new HandWritten(redis.url));
  await log.describe(["orders"]);
  await log.append("orders", { id: "e-1" });
  const o = opening.use(await openConsole({ url: proxy.url, namespace: log.namespace }));
  const opened = opening.move();
  return { proxy, log, o, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
