/** A primary with a replica, and three Sentinels that watch them. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import { guardScript } from "../../src/local-redis/guard-script.ts";
import { type PrivateRedis, startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { eventually } from "./eventually.ts";

export interface Sentinels extends AsyncDisposable {
  readonly urls: readonly string[];
  readonly name: string;
  readonly primary: PrivateRedis;
  readonly replica: PrivateRedis;
}

/** The name under which they know the primary. */
const name = "orders";

/** Resolves when all know the primary and its replica. */
export async function startSentinels(): Promise<Sentinels> {
  await using starting = new AsyncDisposableStack();
  const settings = ["repl-diskless-sync-delay 0"];
  const primary = starting.use(await startPrivateRedis({ settings }));
  const replica = starting.use(
    await startPrivateRedis({ settings: [...settings, `replicaof 127.0.0.1 ${primary.port}`] }),
  );
  const directory = await mkdtemp(join(tmpdir(), "throughline-sentinels-"));
  starting.defer(() => rm(directory, { recursive: true, force: true }));
  const urls: string[] = [];
  for (let i = 0; i < 3; i++) {
    const port = await freePort();
    const path = join(directory, `${port}.conf`);
    const lines = [
      ...["bind 127.0.0.1", `port ${port}`, `dir ${directory}`, `logfile ${port}.log`, "daemonize no"],
      `sentinel monitor ${name} 127.0.0.1 ${primary.port} 2`,
      `sentinel down-after-milliseconds ${name} 1000`,
      `sentinel failover-timeout ${name} 5000`,
    ];
    await writeFile(path, `${lines.join("\n")}\n`);
    const child = spawn("sh", ["-c", guardScript, "guard", "redis-server", path, "--sentinel"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    starting.defer(async () => {
      const ended = once(child, "close");
      child.stdin.end();
      await ended;
    });
    await once(createInterface({ input: child.stdout }), "line");
    urls.push(`redis://127.0.0.1:${port}`);
  }
  for (const url of urls) {
    const client = new Redis(url, { protocol: 2 });
    starting.adopt(client, () => client.disconnect());
    client.on("error", () => undefined); // it starts
    await eventually(async () => {
      const facts = ((await client.call("SENTINEL", "MASTER", name)) as string[]).join(" ");
      return /num-slaves 1 num-other-sentinels 2/.test(facts);
    });
    client.disconnect();
  }
  const started = starting.move();
  return { urls, name, primary, replica, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer().once("error", reject);
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return promise;
}
