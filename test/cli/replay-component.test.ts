/** `throughline replay … --component` and `throughline diff` as a person has them: what they print, and with which exit codes they end. */

import { writeFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { item } from "../../src/index.ts";
import { type Difference, openRecording, record } from "../../src/replay.ts";
import { subscriptions } from "../fixtures/doubling.ts";
import { makeDirectory } from "../replay/recording-files.ts";
import { ordersOf, trade, tradingChannels, tradingComponents } from "../replay/trading.ts";
import { open, things } from "../support/backbone.ts";
import { type CommandEnd, runCommand, tradingPlugIn } from "../support/command.ts";
import { redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";

const throughline = (namespace: string, ...args: readonly string[]): Promise<CommandEnd> =>
  runCommand({ url: redisUrl(), namespace }, args, { plugIn: tradingPlugIn });

test(
  "replays the Algorithm over a recording or the log, compares, and writes what diff then compares likewise",
  async () => {
    await using trading = await trade(await ordersOf("trading/domain/sample/orders.ndjson", 120));
    await using directory = await makeDirectory();
    const { namespace } = trading.o.backbone;
    const run = (...args: readonly string[]): Promise<CommandEnd> => throughline(namespace, ...args);
    const morning = directory.path("morning.ndjson.gz");
    await record(trading.o.backbone, tradingChannels, morning, { components: tradingComponents });

    const same = await run("replay", morning, "--component", "algorithm", "--diff");
    assert.equal([same.code, same.err], [0, ""], same.out);
    assert.match(same.out, /client-orders +120 +0 +0 +0/);
    assert.match(same.out, /No difference\.\n$/);
    const live = await run("replay", "client-orders", "fills", "--component", "algorithm", "--diff", "--json");
    assert.equal([live.code, (JSON.parse(live.out) as Difference).notes], [0, []], live.err);

    const changed = directory.path("changed.ndjson");
    const smaller = ["--set", "maxSliceQuantity=100", "--diff", "-o", changed];
    const differs = await run("replay", morning, "--component", "algorithm", ...smaller);
    assert.is(differs.code, 1, differs.err);
    assert.match(differs.out, /changed +exchange-orders +client\.order_id s-\d+/);
    assert.match(differs.out, /client\.order_id +\d+ +s-\d+/);
    assert.match(differs.out, /They differ\.\n$/);
    assert.ok((await openRecording(changed)).settlements > 0);
    const files = await run("diff", morning, changed, "--json");
    const again = await run("diff", namespace, changed, "--json");
    assert.equal([files.code, again.code], [1, 1], files.err);
    const { channels, concerned } = JSON.parse(files.out) as Difference;
    const fromLog = JSON.parse(again.out) as Difference;
    assert.equal([fromLog.channels, fromLog.concerned], [channels, concerned]);

    const summary = await run("replay", morning, "--component", "order-sender", "--json");
    assert.is(summary.code, 0, summary.err);
    const { component, order, events, caveats } = JSON.parse(summary.out);
    const lengths = await Promise.all(
      ["exchange-orders", "venue-orders", "reports"].map((name) => trading.o.client.xlen(trading.o.stream({ name }))),
    );
    const handled = lengths.reduce((sum, length) => sum + length);
    assert.equal([component, order, events, caveats], ["order-sender", "settled", handled, []]);
    const text = await run("replay", morning, "--component", "order-manager");
    assert.match(text.out, /in the order in which it had settled/);
    assert.match(text.out, /Its state at the end: orders \(120 keys\)/);
  },
  { timeoutMs: 240_000 },
);

test(
  "runs the handlers of a module of one's own, with its settings",
  async () => {
    await using o = await open();
    await using directory = await makeDirectory();
    const ins = things("ins");
    const component = o.backbone.component("mine", subscriptions(undefined));
    const running = component.run();
    await o.backbone.publishAll([1, 2, 3].map((n) => item(ins, { n })));
    await component.whenIdle();
    await component.drain();
    await running;
    const run = (...args: readonly string[]): Promise<CommandEnd> =>
      throughline(o.backbone.namespace, "replay", "ins", "--component", "mine", ...args);
    const module = ["--module", "test/fixtures/doubling.ts"];
    const same = await run(...module, "--diff");
    assert.is(same.code, 0, same.out + same.err);
    const differs = await run(...module, "--diff", "--set", "by=3");
    assert.is(differs.code, 1, differs.err);
    assert.match(differs.out, /payload\.n 2 +3/);

    const empty = directory.path("empty.mjs");
    await writeFile(empty, "export const other = 1;\n");
    const wrong = await run("--module", empty);
    assert.is(wrong.code, 2);
    assert.match(wrong.err, /exports no `subscriptions`/);
    const nowhere = await run("--module", "nowhere.ts");
    assert.is(nowhere.code, 2);
    assert.match(nowhere.err, /nowhere\.ts cannot be loaded/);
  },
  { timeoutMs: 180_000 },
);

test(
  "is called wrongly with one line and code 2",
  async () => {
    await using o = await open();
    const wrong: readonly (readonly [RegExp, ...string[]])[] = [
      [/--diff goes with --component/, "replay", "ins", "--diff"],
      [/--into is about republishing/, "replay", "ins", "--component", "algorithm", "--into", "x"],
      [/no component "nobody" here \(algorithm, /, "replay", "ins", "--component", "nobody"],
      [/no setting "size": it has maxSliceQuantity/, "replay", "x", "--component", "algorithm", "--set", "size=1"],
      [/takes the whole record/, "replay", "x", "--component", "algorithm", "--diff", "--where", "user.id=u"],
      [/say what to replay/, "replay", "--component", "algorithm"],
      [/cannot be read: ENOENT/, "diff", "./nowhere.ndjson", "./nowhere.ndjson"],
      [/nothing has used namespace "nowhere"/, "diff", "nowhere", "nowhere"],
    ];
    await o.backbone.publish(things("x"), { n: 1 });
    for (const [message, ...args] of wrong) {
      const { code, out, err } = await throughline(o.backbone.namespace, ...args);
      assert.equal([code, out], [2, ""], `${args.join(" ")}: ${err}`);
      assert.match(err, message);
      assert.is(err.trim().split("\n").length, 1, err);
    }
  },
  { timeoutMs: 180_000 },
);
