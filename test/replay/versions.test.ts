/** Versions in recordings and replays: an entry keeps its own, and is upcast by whoever reads it. */

import * as assert from "uvu/assert";
import { z } from "zod";
import { openObserver } from "../../src/composition/observer.ts";
import { defineChannel, on } from "../../src/index.ts";
import { importRecording, openLog, openRecording, record, replayComponent } from "../../src/replay.ts";
import { open } from "../support/backbone.ts";
import { test } from "../support/test.ts";
import { makeDirectory } from "./recording-files.ts";
import { Stage } from "./stage.ts";

const orders = defineChannel({
  name: "orders",
  schema: z.strictObject({ id: z.string(), size: z.number() }),
  version: 2,
  upcast: { 1: (order: { id: string }) => ({ ...order, size: 1 }) },
});

test("recorded, imported and republished entries keep their version, and a component's replay upcasts them", async () => {
  await using stage = new Stage();
  await using directory = await makeDirectory();
  const { log } = stage;
  await log.describe(["orders"]);
  await log.appendRaw(log.stream("orders"), { id: "a", payload: '{"id":"a"}' });
  await log.appendRaw(log.stream("orders"), { id: "b", payload: '{"id":"b","size":7}', version: "2", due: "5" });
  const path = directory.path("r.ndjson");
  await using observer = openObserver(log);
  await record(observer, ["orders"], path);

  await using target = await open();
  await importRecording(target.backbone, await openRecording(path), { speed: "max" });
  const payloads: unknown[] = [];
  for await (const { payload } of target.backbone.read(orders)) payloads.push(payload);
  const upcast = [
    { id: "a", size: 1 },
    { id: "b", size: 7 },
  ];
  assert.equal(payloads, upcast);

  const { namespace } = await stage.replay(["orders"]);
  const [first, second] = await stage.entries(namespace, "orders");
  assert.equal([first?.["version"], first?.["due"]], [undefined, undefined]);
  assert.equal([second?.["version"], second?.["due"]], ["2", "5"]);

  const handled: unknown[] = [];
  const source = await openLog(observer, ["orders"]);
  const replayed = replayComponent({
    source,
    component: "c",
    subscriptions: [on(orders, ({ payload }) => void handled.push(payload))],
  });
  for await (const _ of replayed.calls());
  assert.equal(handled, upcast);
});

test("a component's replay says which entries are newer than its code, and ends", async () => {
  await using stage = new Stage();
  const { log } = stage;
  await log.describe(["orders"]);
  await log.appendRaw(log.stream("orders"), { id: "c", payload: "{}", version: "3", due: String(Date.now() + 1e9) });
  await using observer = openObserver(log);
  const source = await openLog(observer, ["orders"]);
  const outcomes: unknown[] = [];
  const replayed = replayComponent({ source, component: "c", subscriptions: [on(orders, () => undefined)] });
  for await (const { outcome, error } of replayed.calls()) outcomes.push([outcome, error?.code]);
  assert.equal(outcomes, [["deadLettered", "THROUGHLINE_VERSION"]]);
});
