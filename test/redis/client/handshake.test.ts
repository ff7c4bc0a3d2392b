/** Each step of each connection's handshake is cut, lost, refused and left unanswered: nothing is sent before the handshake is complete. */

import { Queue } from "bullmq";
import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { ConfigError, connectBackbone } from "../../../src/index.ts";
import { startPrivateRedis } from "../../../src/local-redis/private-server.ts";
import { redisClientOptions } from "../../../src/redis/client/client-options.ts";
import { Connection } from "../../../src/redis/client/connection.ts";
import { ReadSocket } from "../../../src/redis/client/read-socket.ts";
import { type LogLine, memoryLog, open, things } from "../../support/backbone.ts";
import { eventually } from "../../support/eventually.ts";
import { named, startProxy } from "../../support/proxy.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";

const silenceMs = 300;
const database = 3;

interface User extends AsyncDisposable {
  /** Writes something until it is there. */
  write(): Promise<unknown>;
}

function useConnection(url: string): { user: User; connection: Connection } {
  const connection = new Connection({ url, log: memoryLog([]), silenceMs, purpose: "test" });
  const user: User = {
    write: () => connection.repeat(() => connection.client.set("key", "value")),
    [Symbol.asyncDispose]: async () => connection.close(),
  };
  return { user, connection };
}

/** Every kind of connection that the project opens. */
const clients: Readonly<Record<string, (url: string) => User>> = {
  "the backbone's": (url) => useConnection(url).user,
  "a reader's": (url) => {
    const { user, connection } = useConnection(url);
    const socket = new ReadSocket(connection, (stream) => stream);
    return {
      write: async () => {
        await user.write();
        await eventually(async () => (await socket.read(["XREAD", "STREAMS", "stream", "0"])) !== undefined);
      },
      [Symbol.asyncDispose]: () => user[Symbol.asyncDispose](),
    };
  },
  "BullMQ's": (url) => {
    const retry = { maxRetriesPerRequest: null, retryStrategy: () => 20 };
    const queue = new Queue("jobs", { connection: { ...redisClientOptions(url), ...retry } });
    queue.on("error", () => undefined);
    return {
      write: () => queue.add("job", {}),
      [Symbol.asyncDispose]: async () => {
        await queue.close();
        await queue.disconnect();
      },
    };
  },
};

const faults: Readonly<Record<string, (proxy: Awaited<ReturnType<typeof startProxy>>, step: string) => Promise<void>>> =
  {
    cut: (proxy, step) => proxy.cutBefore(named(step)),
    "answered and lost": (proxy, step) => proxy.swallowReply(named(step)),
    refused: (proxy, step) => proxy.answer(named(step), "-BUSY Redis is busy running a script.\r\n"),
    "left unanswered": (proxy, step) => proxy.answer(named(step), ""),
    "answered with no reply": (proxy, step) => proxy.answer(named(step), "HTTP/1.1 400 Bad Request\r\n"),
  };

const steps = ["HELLO", "SELECT"] as const;

for (const [client, use] of Object.entries(clients)) {
  test(
    `${client} connection sends nothing before its handshake is complete`,
    async () => {
      await using redis = await startPrivateRedis();
      await using stack = new AsyncDisposableStack();
      const bare = stack.adopt(new Redis(redis.url), (one) => one.disconnect());
      for (const step of steps) {
        for (const [fault, spring] of Object.entries(faults)) {
          // Five seconds of silence are long: what is the same in all clients is looked at in one.
          if (fault === "left unanswered" && !client.startsWith("the backbone's")) continue;
          for (const when of ["at first", "again"] as const) {
            const about = `${client}, ${step} ${fault}, ${when}`;
            await using proxy = await startProxy(redis.url);
            await using user = use(`${proxy.url}/${database}`);
            if (when === "again") await user.write();
            const sessions = proxy.record();
            const sprung = spring(proxy, step);
            proxy.cut();
            await user.write();
            await sprung;
            assert.equal(sessions[0], steps.slice(0, steps.indexOf(step) + 1), about);
            for (const session of sessions) assert.equal(session.slice(0, 2), steps.slice(0, session.length), about);
            assert.is(await bare.dbsize(), 0, about);
          }
        }
      }
      await bare.select(database);
      assert.ok((await bare.dbsize()) > 0);
    },
    { timeoutMs: 120_000 },
  );
}

test(
  "writes nothing into another database while the server is busy with somebody's script",
  async () => {
    await using redis = await startPrivateRedis();
    await using proxy = await startProxy(redis.url);
    await using o = await open({ url: `${proxy.url}/${database}`, direct: redis.url });
    const channel = things("things");
    await using stack = new AsyncDisposableStack();
    const plain = { protocol: 2, enableReadyCheck: false, disableClientInfo: true } as const;
    const other = stack.adopt(new Redis(redis.url, plain), (one) => one.disconnect());
    await other.config("SET", "busy-reply-threshold", "50");
    let acknowledged = 0;
    for (let round = 0; round < 3; round++) {
      const endless = o.client.eval("while true do end", 0).catch(() => undefined);
      await eventually(async () => /^BUSY/.test(await other.ping().catch((error: Error) => error.message)));
      const said = o.log.length;
      proxy.cut();
      const published = Promise.allSettled(Array.from({ length: 20 }, (_, n) => o.backbone.publish(channel, { n })));
      await eventually(() => o.log.slice(said).some(({ fields }) => /BUSY .*SELECT/.test(String(fields["reason"]))));
      await other.script("KILL");
      await endless;
      for (const { status } of await published) if (status === "fulfilled") acknowledged++;
    }
    assert.is(acknowledged, 60);
    assert.is(await o.client.dbsize(), 0);
    await o.client.select(database);
    assert.is(await o.client.xlen(o.stream(channel)), acknowledged);
  },
  { timeoutMs: 120_000 },
);

test("refuses a database that is not there, and one that the user may not select", async () => {
  await using redis = await startPrivateRedis();
  await using stack = new AsyncDisposableStack();
  const bare = stack.adopt(new Redis(redis.url), (one) => one.disconnect());
  await bare.call("ACL", "SETUSER", "narrow", "on", ">secret", "~*", "+@all", "-select");
  const lines: LogLine[] = [];
  for (const [url, reason] of [
    [`${redis.url}/99`, /ERR DB index is out of range \(in reply to SELECT\)/],
    [`redis://narrow:secret@127.0.0.1:${redis.port}/${database}`, /NOPERM .*SELECT/],
  ] as const) {
    await rejects(connectBackbone({ url, namespace: "test", log: memoryLog(lines) }), ConfigError, reason);
  }
  assert.not.ok(JSON.stringify(lines).includes("secret"));
  // Without a number nothing is selected.
  const url = `redis://narrow:secret@127.0.0.1:${redis.port}`;
  await (await connectBackbone({ url, namespace: "test" })).close();
});

test("goes on where it was after the permission for its database was withdrawn and granted again", async () => {
  await using redis = await startPrivateRedis();
  await using stack = new AsyncDisposableStack();
  const bare = stack.adopt(new Redis(redis.url), (one) => one.disconnect());
  await bare.call("ACL", "SETUSER", "narrow", "on", ">secret", "~*", "+@all");
  const url = `redis://narrow:secret@127.0.0.1:${redis.port}/${database}`;
  await using o = await open({ url, direct: redis.url });
  const channel = things("things");
  await o.backbone.publish(channel, { n: 0 });
  await bare.call("ACL", "SETUSER", "narrow", "-select");
  await bare.client("KILL", "USER", "narrow");
  const published = o.backbone.publish(channel, { n: 1 });
  await eventually(() => o.log.some(({ fields }) => /NOPERM/.test(String(fields["reason"]))));
  assert.is(await bare.dbsize(), 0);
  await bare.call("ACL", "SETUSER", "narrow", "+select");
  await published;
  await bare.select(database);
  assert.is(await bare.xlen(o.stream(channel)), 2);
});
