/** TLS with a private authority, refused when anything about a certificate is wrong; and passwords that are seen nowhere. */

import { inspect } from "node:util";
import * as assert from "uvu/assert";
import { openObserver } from "../../../src/composition/observer.ts";
import { openOperator } from "../../../src/composition/operator.ts";
import {
  type BackboneOptions,
  ConfigError,
  connectBackbone,
  on,
  PermanentError,
  StoreError,
  type TlsOptions,
} from "../../../src/index.ts";
import { parseRedisUrl } from "../../../src/redis/client/address.ts";
import { type LogLine, memoryLog, open, soon, things } from "../../support/backbone.ts";
import { startProcess } from "../../support/process.ts";
import { redisUrl } from "../../support/redis.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { type Authority, createAuthority, startTlsRedis, type TlsRedis } from "../../support/tls.ts";

/** Odd characters, so that it has to be escaped in a URL. */
const password = "S3cret/p@ss:w%rd#1";
const escaped = encodeURIComponent(password);
const namespace = "trading";

function assertSecret(text: string): void {
  for (const form of [password, escaped, "S3cret"]) assert.not.ok(text.includes(form), `the password is in: ${text}`);
}

async function server(authority: Authority, options: { clients?: "yes" | "no" } = {}): Promise<TlsRedis> {
  const certificate = await authority.issue("server", "DNS:localhost,IP:127.0.0.1");
  return startTlsRedis(authority, certificate, { password, ...options });
}

test(
  "everything runs over TLS with a private authority, a password and a client certificate",
  async () => {
    await using authority = await createAuthority();
    await using redis = await server(authority, { clients: "yes" });
    const client = await authority.issue("client", "DNS:client");
    const tls: TlsOptions = { ca: authority.ca, cert: client.cert, key: client.key };
    const url = `rediss://default:${escaped}@127.0.0.1:${redis.port}`;
    const channel = things("things", { retry: { ...soon, maxAttempts: 2 } });
    const lines: LogLine[] = [];
    {
      await using backbone = await connectBackbone({ url, tls, namespace, log: memoryLog(lines) });
      const handled: string[] = [];
      const component = backbone.component("c", [
        on(channel, ({ payload: { n } }, { attempt }) => {
          handled.push(`${n}/${attempt}`);
          if (n === 1 && attempt === 1) throw new Error("once"); // BullMQ's timer brings it back
          if (n === 2) throw new PermanentError("never");
        }),
      ]);
      const run = component.run();
      await component.ready();
      for (const n of [0, 1, 2]) await backbone.publish(channel, { n });
      await component.whenIdle();
      assert.equal(handled.toSorted(), ["0/1", "1/1", "1/2", "2/1"]);
      assert.is((await backbone.status()).components.length, 1);
      assert.is((await backbone.deadLetters({ channel }).redrive()).redriven, 1);
      await component.whenIdle();
      await component.drain();
      await run;
    }
    assert.equal(
      lines.filter(({ text }) => /retry timers|away/.test(text)),
      [],
    );
    await using operator = openOperator({ url, tls, namespace });
    assert.is((await operator.deadLetters().purge()).purged, 1);
    await using observer = openObserver({ url, tls, namespace });
    for await (const _ of observer.read("things", { follow: true, limit: 1 }));

    const env = {
      REDIS_URL: url,
      REDIS_TLS_CA: authority.caPath,
      REDIS_TLS_CERT: client.certPath,
      REDIS_TLS_KEY: client.keyPath,
      NAMESPACE: namespace,
    };
    await using child = startProcess("src/cli/throughline.ts", ["status"], { env });
    assert.is((await child.ended).code, 0, child.stderr());
    assert.match(child.stdout(), "things");
    await using sender = startProcess("consumers/order-sender/main.ts", [], {
      env: { ...env, OTEL_TRACES_EXPORTER: "none" },
    });
    await sender.line("joined");
    sender.kill("SIGTERM");
    assert.is((await sender.ended).code, 0);
    assertSecret(JSON.stringify(lines) + child.lines.join() + sender.lines.join());
  },
  { timeoutMs: 120_000 },
);

test("a certificate that is unknown, expired, or another host's is refused at once", async () => {
  await using authority = await createAuthority();
  await using other = await createAuthority();
  const { ca } = authority;
  const expired = await authority.issue("expired", "DNS:localhost,IP:127.0.0.1", true);
  const elsewhere = await authority.issue("elsewhere", "DNS:elsewhere.example");
  await using sound = await server(authority);
  await using late = await startTlsRedis(authority, expired, { password });
  await using wrong = await startTlsRedis(authority, elsewhere, { password });
  const refused: readonly [TlsRedis, TlsOptions, RegExp][] = [
    [sound, {}, /TLS connection to Redis is refused: (unable to verify|self-signed|unable to get)/],
    [sound, { ca: other.ca }, /TLS connection to Redis is refused: (unable|self-signed|certificate signature failure)/],
    [sound, { ca, servername: "elsewhere.example" }, /refused: Hostname\/IP does not match/],
    [late, { ca }, /refused: certificate has expired/],
    [wrong, { ca }, /refused: (Hostname\/)?IP.* does not match/],
  ];
  for (const [{ port }, tls, message] of refused) {
    const options: BackboneOptions = {
      url: `rediss://:${escaped}@127.0.0.1:${port}`,
      tls,
      namespace,
      log: memoryLog([]),
    };
    const error = await rejects(connectBackbone(options), ConfigError, message);
    assertSecret(inspect(error, { depth: 20 }));
  }
  // The name is what counts, and may be given.
  const url = `rediss://:${escaped}@127.0.0.1:${wrong.port}`;
  await using backbone = await connectBackbone({ url, tls: { ca, servername: "elsewhere.example" }, namespace });
  await backbone.publish(things("things"), { n: 1 });

  await using child = startProcess("src/cli/throughline.ts", ["status"], {
    env: { REDIS_URL: url, REDIS_TLS_CA: authority.caPath, NAMESPACE: namespace },
  });
  assert.is((await child.ended).code, 1);
  assert.match(child.stderr(), /does not match/);
  assert.is(child.stderr().trimEnd().split("\n").length, 1);
});

test("a server that asks for a client certificate refuses clients without one", async () => {
  await using authority = await createAuthority();
  await using redis = await server(authority, { clients: "yes" });
  const url = `rediss://:${escaped}@127.0.0.1:${redis.port}`;
  const error = await rejects(
    connectBackbone({ url, tls: { ca: authority.ca }, namespace, log: memoryLog([]) }),
    ConfigError,
    /certificate/,
  );
  assertSecret(inspect(error, { depth: 20 }));
});

test("TLS options that cannot work are refused before anything is sent", async () => {
  const wrong: readonly [Partial<BackboneOptions>, RegExp][] = [
    [{ url: redisUrl(), tls: { ca: "x" } }, /not rediss:/],
    [{ url: "unix:///tmp/redis.sock", tls: {} }, /not rediss:/],
    [{ url: "rediss://localhost", tls: { cert: "x" } }, /go together/],
    [{ url: "rediss://localhost", tls: { ca: "" } }, /not empty/],
    [{ url: "rediss://localhost", tls: { rejectUnauthorized: false } as object }, /no option "rejectUnauthorized"/],
  ];
  for (const [options, message] of wrong)
    await rejects(connectBackbone({ namespace, ...options }), ConfigError, message);
  await using child = startProcess("src/cli/throughline.ts", ["status"], {
    env: { NAMESPACE: "n", REDIS_TLS_CA: "/nowhere.pem" },
  });
  assert.is((await child.ended).code, 2);
  assert.match(child.stderr(), /REDIS_TLS_CA names \/nowhere\.pem, which cannot be read: ENOENT/);
});

test("the error for an unusable URL does not contain its password", () => {
  const urls = [
    `redis://user:${password}@127.0.0.1:6379`,
    `redis://user:${escaped}@127.0.0.1:99999`,
    "redis://user:S3cret%zz@127.0.0.1:6379",
    "redis://user:12/S3cret@127.0.0.1",
    `http://user:${escaped}@127.0.0.1`,
    "redis://127.0.0.1:6379/S3cret",
  ];
  for (const url of urls) {
    let thrown: unknown;
    try {
      parseRedisUrl(url);
    } catch (error) {
      thrown = error;
    }
    assert.instance(thrown, ConfigError, url);
    assertSecret(inspect(thrown, { depth: 20 }));
  }
});

test("neither a refused login nor a refused command leaves its arguments on an error, in a log or on a console", async () => {
  await using o = await open();
  const user = o.backbone.namespace;
  await o.client.call("ACL", "SETUSER", user, "reset", "on", `>${password}`, "~*", "+@all", "-evalsha");
  try {
    const { host } = new URL(redisUrl());
    const lines: LogLine[] = [];
    const options: BackboneOptions = { url: "", namespace: user, log: memoryLog(lines) };
    const wrongLogin = `redis://${user}:${escaped}x@${host}`;
    const login = await rejects(connectBackbone({ ...options, url: wrongLogin }), ConfigError, /WRONGPASS/);
    await using backbone = await connectBackbone({ ...options, url: `redis://${user}:${escaped}@${host}` });
    const payload = { n: 1, key: "S3cret" };
    const publish = await rejects(backbone.publish(things("things"), payload), Error, /NOPERM/);
    const component = backbone.component("c", [on(things("things"), () => undefined)]);
    const join = await rejects(component.run(), StoreError, /NOPERM/);
    const shown = [login, publish, join].map((error) => inspect(error, { depth: 20, showHidden: true })).join("\n");
    assertSecret(shown + inspect(lines, { depth: 20 }));
  } finally {
    await o.client.call("ACL", "DELUSER", user);
  }
});

test(
  "a process with a password in its URL writes it nowhere, not even at the finest level and with its spans",
  async () => {
    await using o = await open();
    const user = o.backbone.namespace;
    await o.client.call("ACL", "SETUSER", user, "reset", "on", `>${password}`, "~*", "&*", "+@all");
    try {
      const { host } = new URL(redisUrl());
      await using child = startProcess("consumers/order-sender/main.ts", [], {
        env: {
          REDIS_URL: `redis://${user}:${escaped}@${host}`,
          NAMESPACE: user,
          LOG_LEVEL: "debug",
          OTEL_TRACES_EXPORTER: "console",
        },
      });
      await child.line("joined");
      await o.write({ name: "exchange-orders" }, "payload", "{}");
      await child.line("dead-lettered");
      await o.client.call("ACL", "SETUSER", user, "resetpass", ">another");
      await o.client.client("KILL", "USER", user);
      await child.line(/WRONGPASS/);
      child.kill("SIGTERM");
      await child.ended;
      assertSecret(child.lines.join("\n"));
      assert.match(child.stdout() + child.stderr(), /process exchange-orders/);
    } finally {
      await o.client.call("ACL", "DELUSER", user);
    }
  },
  { timeoutMs: 120_000 },
);
