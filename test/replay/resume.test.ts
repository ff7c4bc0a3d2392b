/** An interrupted replay (killed, stopped, taken over, cut off) continues without a missing or repeated entry. Seed: THROUGHLINE_TEST_SEED. */

import { randomBytes } from "node:crypto";
import * as assert from "uvu/assert";
import { FencedError, ReplayError } from "../../src/index.ts";
import { replay } from "../../src/replay.ts";
import type { HandWritten } from "../inspect/hand-written.ts";
import { eventually } from "../support/eventually.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { Stage } from "./stage.ts";

const seed = process.env["THROUGHLINE_TEST_SEED"] ?? randomBytes(4).toString("hex");
console.log(`seed ${seed}`);
let state = Number.parseInt(seed, 16) >>> 0;

/** From 0 up to below 1. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

const t0 = 1_700_000_000_000;

/** Numbered events in two channels, in turn, a millisecond apart: an event of the second is caused by the one before it. */
async function fill(log: HandWritten, count: number): Promise<void> {
  await log.describe(["orders", "fills"]);
  const script = `
    for i = 0, tonumber(ARGV[1]) - 1 do
      local n = i % 2 + 1
      redis.call('XADD', KEYS[n], tonumber(ARGV[2]) + i .. '-0', 'id', 'e-' .. i, 'time', i, 'key', '', 'payload', '{"n":' .. i .. '}',
        'traceparent', '', 'tracestate', '', 'baggage', '', 'causes', n == 2 and 'e-' .. (i - 1) or '')
    end`;
  await log.client.eval(script, 2, log.stream("orders"), log.stream("fills"), count, t0);
}

/** Asserts that the target has each event once, in the order of the source, and each fill its order's new id. */
async function isWhole(stage: Stage, namespace: string, count: number): Promise<void> {
  const orders = await stage.entries(namespace, "orders");
  const fills = await stage.entries(namespace, "fills");
  const numbers = (entries: typeof orders): readonly number[] =>
    entries.map((entry) => JSON.parse(entry["payload"] ?? "").n);
  const half = Array.from({ length: count / 2 }, (_, i) => 2 * i);
  assert.equal(numbers(orders), half);
  assert.equal(
    numbers(fills),
    half.map((n) => n + 1),
  );
  const ids = new Set([...orders, ...fills].map((entry) => entry["id"]));
  assert.is(ids.size, count);
  fills.forEach((fill, i) => {
    assert.is(fill["causes"]?.split(",").at(-1), orders[i]?.["id"], `the cause of fill ${i}`);
  });
}

function cli(log: HandWritten, ...args: readonly string[]): StartedProcess {
  return startProcess("trading/pipeline/throughline.ts", args, {
    env: { REDIS_URL: log.url, NAMESPACE: log.namespace },
  });
}

/** The number of entries in the target. */
async function countOf({ client }: HandWritten, namespace: string): Promise<number> {
  const lengths = await Promise.all(["orders", "fills"].map((channel) => client.xlen(`{${namespace}:0}:${channel}`)));
  return lengths.reduce((sum, length) => sum + length, 0);
}

test(
  "killed at any moment and resumed, it has no gap and no double",
  async () => {
    await using stage = new Stage();
    const { log } = stage;
    const count = 40_000;
    await fill(log, count);
    const namespace = `${log.namespace.slice(0, 50)}-killed`;
    const kills = [0, 0, 0, 0].map(() => Math.floor(random() * count)).sort((a, b) => a - b);
    console.log(`kills at about ${kills.join(", ")}`);
    let args = ["replay", "orders", "fills", "--namespace", namespace, "--speed", "max"];
    let run = "";
    for (const at of kills) {
      await using child = cli(log, ...args);
      await Promise.race([eventually(async () => (await countOf(log, namespace)) >= at), child.ended]);
      child.kill("SIGKILL");
      await child.ended;
      [run] = (await stage.replays.list(1)).map(({ request }) => request.run) as [string];
      assert.ok(run, child.stderr());
      args = ["replay", "--resume", run];
    }
    console.log(`${await countOf(log, namespace)} entries after the last kill`);
    await using last = cli(log, ...args, "--json");
    assert.equal(await last.ended, { code: 0, signal: null }, last.stderr());
    assert.is(JSON.parse(last.stdout()).entries, count);
    await isWhole(stage, namespace, count);
    assert.is((await stage.replays.find(run))?.state, "done");
  },
  { timeoutMs: 90_000 },
);

test("Ctrl-C ends it in order, says how to go on, and leaves a run that goes on there", async () => {
  await using stage = new Stage();
  const { log } = stage;
  await fill(log, 2_000);
  const namespace = `${log.namespace.slice(0, 50)}-stopped`;
  await using child = cli(log, "replay", "orders", "fills", "--namespace", namespace);
  await eventually(async () => (await countOf(log, namespace)) >= 50);
  child.kill("SIGINT");
  assert.equal(await child.ended, { code: 1, signal: null }, child.stderr());
  const [, run = ""] = /--resume (\S+?)`/.exec(child.stdout()) ?? [];
  const done = await countOf(log, namespace);
  assert.ok(done < 2_000, `${done} were done already`);
  assert.equal((await stage.replays.find(run))?.state, "stopped");
  await using resumed = cli(log, "replay", "--resume", run, "--speed", "max");
  assert.equal(await resumed.ended, { code: 0, signal: null }, resumed.stderr());
  assert.match(resumed.stdout(), `Republished 2,000 events (${(2_000 - done).toLocaleString("en-US")} of them now)`);
  await isWhole(stage, namespace, 2_000);
});

test("a process that was paused while another went on with its run writes nothing when it wakes", async () => {
  await using stage = new Stage();
  const { log } = stage;
  await fill(log, 3_000);
  const namespace = `${log.namespace.slice(0, 50)}-paused`;
  await using child = cli(log, "replay", "orders", "fills", "--namespace", namespace);
  await eventually(async () => (await countOf(log, namespace)) >= 50);
  child.kill("SIGSTOP");
  const [found] = await stage.replays.list(1);
  const run = found?.request.run ?? "";
  await stage.replays.resume(run, { speed: "max" });
  await isWhole(stage, namespace, 3_000);
  child.kill("SIGCONT");
  assert.equal(await child.ended, { code: 1, signal: null });
  assert.match(child.stderr(), /was taken over by another process/);
  await isWhole(stage, namespace, 3_000);
  assert.is((await stage.replays.find(run))?.state, "done", "whoever was fenced does not say how it ended");
});

test("two processes that resume one run at once republish it once, and the later one finishes it", async () => {
  await using stage = new Stage();
  await fill(stage.log, 20_000);
  const stop = new AbortController();
  const begun = stage.replay(
    ["orders", "fills"],
    {},
    { signal: stop.signal, onProgress: (entries) => void (entries > 500 && stop.abort()) },
  );
  const { run, namespace, state: ended } = await begun;
  assert.is(ended, "stopped");
  const results = await Promise.allSettled([stage.replays.resume(run), stage.replays.resume(run)]);
  const failed = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  assert.ok(failed.length <= 1 && failed.every((error) => error instanceof FencedError), String(failed));
  await isWhole(stage, namespace, 20_000);
});

test("connections that are cut while it runs cost neither an entry nor a second one", async () => {
  await using stage = new Stage();
  const { client } = stage.log;
  await fill(stage.log, 30_000);
  let cuts = 0;
  let isCutting = false;
  const cut = async (): Promise<void> => {
    isCutting = true;
    const list = String(await client.call("CLIENT", "LIST"));
    for (const line of list.split("\n").filter((one) => one.includes("name=throughline:replay:r-cut"))) {
      const [, id = ""] = /id=(\d+)/.exec(line) ?? [];
      await client.call("CLIENT", "KILL", "ID", id);
      cuts++;
    }
    isCutting = false;
  };
  const report = await stage.replay(
    ["orders", "fills"],
    { run: "r-cut" },
    { onProgress: () => void (!isCutting && cuts < 8 && cut()) },
  );
  assert.ok(cuts > 2, `${cuts} cuts`);
  assert.is(report.entries, 30_000);
  await isWhole(stage, report.namespace, 30_000);
});

test("a run that is done has nothing left to do, and one of the same id is not begun again", async () => {
  await using stage = new Stage();
  await fill(stage.log, 10);
  const { namespace, run } = await stage.replay(["orders", "fills"]);
  const again = await stage.replays.resume(run);
  assert.equal([again.entries, again.appended, again.state], [10, 0, "done"]);
  await isWhole(stage, namespace, 10);
  await rejects(stage.replay(["orders", "fills"], { run }), ReplayError, /there is a run/);
});

test("entries appended to the source since a run began are not part of it", async () => {
  await using stage = new Stage();
  await fill(stage.log, 10);
  const stop = new AbortController();
  stop.abort();
  const { run, namespace } = await stage.replay(["orders", "fills"], {}, { signal: stop.signal });
  await stage.log.append("orders", { id: "later" });
  const { url } = stage.log;
  const report = await replay({ url, sourceNamespace: stage.log.namespace, resume: run });
  assert.is(report.entries, 10);
  await isWhole(stage, namespace, 10);
});
