/** A process says over HTTP whether it is live and ready. */

import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { silentLog } from "../../src/ports/log.ts";
import { serveHealth } from "../../src/service.ts";
import { open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const algorithm = "consumers/algorithm/main.ts";

async function healthOf(process: StartedProcess): Promise<string> {
  const line = await process.line("health is told");
  return (JSON.parse(line) as { url: string }).url;
}

async function ask(url: string): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(url);
  return { status: response.status, body: await response.text() };
}

test("a component's process is ready once it has joined, and while Redis is away only live", async () => {
  await using redis = await startPrivateRedis();
  await using process = startProcess(algorithm, [], { env: { REDIS_URL: redis.url, HEALTH_PORT: "0" } });
  const health = await healthOf(process);
  await eventually(async () => (await ask(`${health}/ready`)).status === 200);
  assert.equal(JSON.parse((await ask(`${health}/ready`)).body), {
    ready: true,
    components: [{ component: "algorithm", isLive: true, isReady: true }],
  });

  await redis.kill("SIGKILL");
  const away = await eventually(async () => {
    const answer = await ask(`${health}/ready`);
    return answer.status === 503 && answer;
  });
  assert.match(away.body, /"reason":"Redis does not answer"/);
  assert.is((await ask(`${health}/live`)).status, 200);

  await redis.restart();
  await eventually(async () => (await ask(`${health}/ready`)).status === 200);
  process.kill("SIGTERM");
  assert.equal(await process.ended, { code: 0, signal: null });
});

test("a process that waits for its first connection is live and not ready", async () => {
  await using process = startProcess(algorithm, [], { env: { REDIS_URL: "redis://127.0.0.1:1", HEALTH_PORT: "0" } });
  const health = await healthOf(process);
  assert.is((await ask(`${health}/live`)).status, 200);
  const { status, body } = await ask(`${health}/ready`);
  assert.is(status, 503);
  assert.match(body, /"reason":"not connected"/);
});

test("a component that drains is live and no longer ready", async () => {
  await using o = await open();
  const source = things("source");
  const [begun, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const component = await o.run(
    o.backbone.component("slow", [
      on(source, async () => {
        begun.resolve();
        await finish.promise;
      }),
    ]),
  );
  await using health = await serveHealth({
    host: "127.0.0.1",
    port: 0,
    look: () => o.backbone.health(),
    log: silentLog,
  });
  await eventually(async () => (await ask(`${health.url}/ready`)).status === 200);
  await o.backbone.publish(source, { n: 1 });
  await begun.promise;
  const draining = component.drain();
  assert.equal(await ask(`${health.url}/ready`), {
    status: 503,
    body: '{"ready":false,"components":[{"component":"slow","isLive":true,"isReady":false,"reason":"draining"}]}\n',
  });
  assert.is((await ask(`${health.url}/live`)).status, 200);
  finish.resolve();
  await draining;
  assert.match((await ask(`${health.url}/ready`)).body, /"reason":"no component runs"/);
});

test("a stuck loop makes a process not live, and nothing else does", async () => {
  const looks = [
    { component: "a", isLive: false, isReady: false, reason: "a loop stands still although Redis answers" },
  ];
  await using health = await serveHealth({ host: "127.0.0.1", port: 0, look: () => looks, log: silentLog });
  assert.is((await ask(`${health.url}/live`)).status, 503);
  assert.is((await ask(`${health.url}/ready`)).status, 503);
  assert.is((await ask(`${health.url}/`)).status, 404);
  assert.is((await fetch(`${health.url}/live`, { method: "POST" })).status, 405);
});

test("there is no health endpoint unless a port is set, and a port that is taken is a refusal of one line", async () => {
  const env = { REDIS_URL: redisUrl(), NAMESPACE: freshNamespace(), LOG_LEVEL: "info", HEALTH_PORT: undefined };
  await using without = startProcess(algorithm, [], { env });
  await without.line('"joined"');
  assert.not(without.lines.some((line) => line.includes("health")));

  await using health = await serveHealth({ host: "127.0.0.1", port: 0, look: () => [], log: silentLog });
  const { port } = new URL(health.url);
  await using refused = startProcess(algorithm, ["--health-port", port], { env });
  assert.is((await refused.ended).code, 2);
  assert.match(
    refused.stderr(),
    new RegExp(`^algorithm: the health endpoint cannot listen on 127.0.0.1:${port} \\(EADDRINUSE\\)`, "m"),
  );
});
