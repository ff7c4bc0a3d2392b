/** More partitions later: the inputs of a namespace, imported into a new one with more, give the same outputs and the same state there. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type Component, on, PermanentError } from "../../src/index.ts";
import { importRecording, openRecording, record } from "../../src/replay.ts";
import { type Opened, open, things } from "../support/backbone.ts";
import { test } from "../support/test.ts";

const orders = things("orders");
const receipts = things("receipts", { placement: "source" });
const totals = things("totals");

/** Keeps a sum for each key, publishes a receipt with each order, and a total for each receipt. */
async function run(o: Opened, effects: Set<string>): Promise<readonly Component[]> {
  const ledger = o.backbone.component("ledger", [
    on(orders, async ({ key, payload: { n } }, { publish, state, effectId }) => {
      if (n === 13) throw new PermanentError("no");
      const sums = state<number>("sums");
      sums.set(key, ((await sums.get(key)) ?? 0) + n);
      effects.add(effectId);
      await publish(receipts, { n, key: `${n}` });
    }),
    on(receipts, async ({ payload: { n } }, { publish }) => void (await publish(totals, { n, key: `${n % 3}` }))),
  ]);
  return [await o.run(ledger)];
}

/** Event ids by channel, dead letters by their entries' event ids, and the state. */
async function contentOf(o: Opened): Promise<unknown> {
  const channels = [orders, receipts, totals].map(async (channel) => {
    const ids: string[] = [];
    for await (const { envelope } of o.backbone.read(channel.name)) ids.push(envelope?.id ?? "");
    return ids.sort();
  });
  const dead: string[] = [];
  for await (const letter of o.backbone.deadLetters({ component: "ledger" }).list())
    dead.push(letter.entry.envelope?.id ?? "");
  const sums: (readonly [string, number])[] = [];
  for await (const [key, sum] of o.backbone.view<number>("ledger", "sums").list()) sums.push([key, sum]);
  return { channels: await Promise.all(channels), dead, sums: sums.sort() };
}

test("a namespace with more partitions gets the inputs of another, and its components the outputs and state that they had", async () => {
  const directory = await mkdtemp(join(tmpdir(), "throughline-more-"));
  try {
    await using old = await open();
    const [oldEffects, newEffects] = [new Set<string>(), new Set<string>()];
    const before = await run(old, oldEffects);
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => old.backbone.publish(orders, { n, key: `account-${n % 7}` })),
    );
    for (const component of before) await component.whenIdle();
    const path = join(directory, "orders.ndjson.gz");
    await record(old.backbone, [orders], path);

    await using more = await open({ partitions: 4 });
    const report = await importRecording(more.backbone, await openRecording(path), { speed: "max" });
    assert.equal([report.entries, report.isComplete], [60, true]);
    const after = await run(more, newEffects);
    for (const component of after) await component.whenIdle();

    assert.equal(await contentOf(more), await contentOf(old));
    assert.equal(newEffects, oldEffects); // a system that remembers effect ids does nothing twice
    const used = await Promise.all([0, 1, 2, 3].map((p) => more.client.xlen(more.keys.stream(p, "orders"))));
    assert.ok(used.every((length) => length > 0));
  } finally {
    await rm(directory, { recursive: true });
  }
});
