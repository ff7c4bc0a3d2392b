/** Replays performed by a worker, which may die, be stopped, or be told to leave a run. */

import * as assert from "uvu/assert";
import { Connection } from "../../src/redis/client/connection.ts";
import { RedisRunStore } from "../../src/redis/replay/replay-runs.ts";
import type { HandWritten } from "../inspect/hand-written.ts";
import { memoryLog } from "../support/backbone.ts";
import { runCommand, tradingPlugIn } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { test } from "../support/test.ts";
import { Stage } from "./stage.ts";

const t0 = 1_700_000_000_000;

/** Events, so many ms apart. */
async function fill(log: HandWritten, count: number, apartMs: number): Promise<void> {
  await log.describe(["orders"]);
  for (let i = 0; i < count; i++) {
    await log.append("orders", { id: `o-${i}`, payload: { n: i } }, `${t0 + apartMs * i}-0`);
  }
}

function cli(log: HandWritten, ...args: readonly string[]): StartedProcess {
  return startProcess("trading/pipeline/throughline.ts", args, {
    env: { REDIS_URL: log.url, NAMESPACE: log.namespace },
  });
}

async function run(log: HandWritten, ...args: readonly string[]): Promise<{ code: number; out: string }> {
  const { code, out, err } = await runCommand(log, args, { plugIn: tradingPlugIn });
  return { code, out: `${out}${code === 0 ? "" : err}` };
}

/** Queues a replay of the orders; gives its run and its namespace. */
async function queue(log: HandWritten, ...args: readonly string[]): Promise<{ run: string; namespace: string }> {
  const { code, out } = await run(log, "replay", "orders", "--background", "--json", ...args);
  assert.is(code, 0, out);
  return JSON.parse(out);
}

async function isWhole(stage: Stage, namespace: string, count: number): Promise<void> {
  const entries = await stage.entries(namespace, "orders");
  assert.equal(
    entries.map((entry) => JSON.parse(entry["payload"] ?? "").n),
    Array.from({ length: count }, (_, n) => n),
  );
}

test(
  "a queued run goes on after its worker was killed, and again after the next one was told to end",
  async () => {
    await using stage = new Stage();
    const { log } = stage;
    await fill(log, 600, 10);
    const { run: id, namespace } = await queue(log);
    assert.is((await stage.replays.find(id))?.state, "queued");
    assert.is(await log.client.exists(`{${namespace}:0}:orders`), 0);
    const countIs = (least: number) => async (): Promise<boolean> =>
      (await log.client.xlen(`{${namespace}:0}:orders`)) >= least;

    await using first = cli(log, "replays", "work");
    await eventually(countIs(30));
    assert.is((await stage.replays.find(id))?.state, "running");
    first.kill("SIGKILL");
    await first.ended;

    await using second = cli(log, "replays", "work");
    const killedAt = await log.client.xlen(`{${namespace}:0}:orders`);
    await eventually(countIs(killedAt + 30));
    second.kill("SIGTERM");
    assert.equal(await second.ended, { code: 0, signal: null }, second.stderr());
    assert.ok((await log.client.xlen(`{${namespace}:0}:orders`)) < 600, "it was done before it could be stopped");

    await using third = cli(log, "replays", "work");
    await third.line(`Run ${id}: Republished 600 events`);
    await isWhole(stage, namespace, 600);
    const listed = await run(log, "replays", id);
    assert.match(listed.out, `${id}  done  600 of 600 events  orders of namespace ${log.namespace}`);
    third.kill("SIGTERM");
    assert.equal(await third.ended, { code: 0, signal: null });
  },
  { timeoutMs: 90_000 },
);

test("a run is cancelled while it waits, and while it runs; its worker takes the next one", async () => {
  await using stage = new Stage();
  const { log } = stage;
  await fill(log, 300, 100);
  const waiting = await queue(log);
  assert.match((await run(log, "replays", "cancel", waiting.run)).out, "is cancelled");
  const running = await queue(log);
  await using worker = cli(log, "replays", "work");
  await eventually(async () => (await log.client.xlen(`{${running.namespace}:0}:orders`)) >= 3);
  assert.is((await run(log, "replays", "cancel", running.run)).code, 0);
  await worker.line(/^Cancelled/);
  const next = await queue(log, "--speed", "max");
  await worker.line(`Run ${next.run}: Republished 300 events`);
  await isWhole(stage, next.namespace, 300);
  const states = (await stage.replays.list()).map(({ request, state }) => [request.run, state]);
  assert.equal(states, [
    [next.run, "done"],
    [running.run, "cancelled"],
    [waiting.run, "cancelled"],
  ]);
  assert.is(await log.client.exists(`{${waiting.namespace}:0}:orders`), 0);
  assert.is((await run(log, "replays", "cancel", next.run)).code, 1, "what has ended cannot be cancelled");
  worker.kill("SIGTERM");
  assert.equal(await worker.ended, { code: 0, signal: null });
});

test("a run that is cancelled between a worker's look and its start stays cancelled, and so does one that is about to end", async () => {
  await using stage = new Stage();
  await fill(stage.log, 3, 1);
  const source = await stage.replays.open({ channels: ["orders"] });
  const { url, namespace } = stage.log;
  const connection = new Connection({ url, log: memoryLog([]), silenceMs: 5_000, purpose: "test" });
  try {
    const store = new RedisRunStore(connection, namespace);
    const stateOf = async (id: string): Promise<string | undefined> => (await store.find(id))?.state;
    const { run: id, ...request } = await stage.replays.prepare(source, { speed: "max" });
    await store.create({ ...request, run: id }, "queued");
    const looked = await store.find(id);
    assert.is(await stage.replays.cancel(id), true);
    assert.is(await store.begin(id, looked?.state ?? "done"), false);
    assert.is(await stateOf(id), "cancelled");
    await store.end(id, "stopped", { entries: 1, unreadable: 0 });
    await store.end(id, "failed", { entries: 1, unreadable: 0 }, "late");
    assert.equal([await stateOf(id), (await store.find(id))?.error], ["cancelled", ""]);
    // A caller that knows of the cancellation may continue the run; a finished run stays finished.
    assert.is((await stage.replays.resume(id)).entries, 3);
    assert.is(await stage.replays.cancel(id), false);
    assert.is(await stateOf(id), "done");

    // What is about to begin has not stopped.
    await store.create({ ...request, run: "about-to-begin" }, "running");
    assert.is((await stage.replays.find("about-to-begin"))?.state, "running");

    // The same from outside: whenever the cancel comes, the run does not go on to its end.
    const slow = { ...request, speed: 0.001 };
    const runs = Array.from({ length: 8 }, (_, i) => `race-${i}`);
    const reports = runs.map((run) => stage.replays.start(source, { ...slow, run }));
    await Promise.all(runs.map((run) => eventually(() => stage.replays.cancel(run).catch(() => false))));
    for (const { state } of await Promise.all(reports)) assert.is(state, "cancelled");
    for (const run of runs) assert.is(await stateOf(run), "cancelled");
  } finally {
    connection.close();
  }
});

test("a run whose source is gone fails, says why, and does not hold the next one up", async () => {
  await using stage = new Stage();
  const { log } = stage;
  await fill(log, 5, 1);
  const { run: id } = await queue(log, "--speed", "max");
  await log.client.del(log.stream("orders"));
  await using worker = cli(log, "replays", "work");
  await worker.line(`Run ${id}: there is no channel "orders"`);
  await fill(log, 7, 1);
  const next = await queue(log, "--speed", "max");
  await worker.line(`Run ${next.run}: Republished 7 events`);
  worker.kill("SIGTERM");
  assert.equal(await worker.ended, { code: 0, signal: null });
  assert.is((await stage.replays.find(id))?.state, "failed");
});
