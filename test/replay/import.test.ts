/** Importing a recording appends its entries unchanged, once and in order. */

import * as assert from "uvu/assert";
import { openObserver } from "../../src/composition/observer.ts";
import { openOwner } from "../../src/composition/owner.ts";
import { ConfigError, connectBackbone } from "../../src/index.ts";
import { aclRules } from "../../src/redis/acl/rules.ts";
import { scripts } from "../../src/redis/store/scripts.ts";
import { importRecording, openRecording, record } from "../../src/replay.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { open, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { named, startProxy } from "../support/proxy.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { entry, header, makeDirectory, writeRecording } from "./recording-files.ts";

const orders = things("orders");

test("imports a recording exactly, into the same channels and partitions, under new ids", async () => {
  await using log = new HandWritten();
  await using directory = await makeDirectory();
  await log.describe(["orders", "fills"], {}, 2);
  for (let n = 1; n <= 1_000; n++) {
    const channel = n % 3 === 0 ? "fills" : "orders";
    await log.append(channel, { id: `e-${n}`, payload: { n, text: "ñ🙂\ufffd" }, baggage: "a=b" }, `${n}-0`, n % 2);
  }
  const odd = [Buffer.from("payload"), Buffer.from([0xff, 0x00, 0x0a]), Buffer.from("\r\n"), Buffer.alloc(0)];
  await log.client.xadd(log.stream("orders", 1), "2000-0", ...odd);
  await log.appendRaw(log.stream("fills", 0), { what: "ever" }, "2000-0");
  const path = directory.path("r.zst");
  await using observer = openObserver(log);
  await record(observer, ["orders", "fills"], path);

  await using target = await open({ partitions: 2 });
  const progress: number[] = [];
  const report = await importRecording(target.backbone, await openRecording(path), {
    speed: "max",
    onProgress: (entries) => progress.push(entries),
  });
  assert.equal(report, { entries: 1_002, line: report.line, isComplete: true });
  assert.is(progress.at(-1), 1_002);
  for (const channel of ["orders", "fills"]) {
    for (const partition of [0, 1]) {
      const before = await log.client.xrangeBuffer(log.stream(channel, partition), "-", "+");
      const after = await target.client.xrangeBuffer(target.keys.stream(partition, channel), "-", "+");
      assert.ok(before.length > 0);
      assert.equal(
        after.map(([, fields]) => fields),
        before.map(([, fields]) => fields),
      );
    }
  }
  const described = (): Promise<Record<string, string>> => target.client.hgetall(target.keys.meta());
  await eventually(
    async () => Object.keys(await described()).filter((name) => /^channel:(fills|orders)$/.test(name)).length === 2,
  );
});

test("imports a recording into fewer partitions by the keys, and into another channel", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("r");
  await writeRecording(path, [{ ...header, partitions: 3 }, entry(1), { ...entry(2), partition: 2 }]);
  await using target = await open();
  await importRecording(target.backbone, await openRecording(path), { speed: "max", into: "elsewhere" });
  const rows = await target.client.xrange(target.keys.stream(0, "elsewhere"), "-", "+");
  assert.equal(
    rows.map(([, fields]) => fields),
    [
      ["payload", '{"n":1}'],
      ["payload", '{"n":2}'],
    ],
  );
  await writeRecording(path, [{ ...header, channels: ["orders", "fills"] }, entry(1)]);
  await rejects(
    importRecording(target.backbone, await openRecording(path), { into: "elsewhere" }),
    ConfigError,
    /told apart/,
  );
});

test("keeps a channel's retention when it imports into it", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("r");
  await writeRecording(path, [header, entry(1)]);
  await using target = await open();
  const kept = things("orders", { retention: { maxEntries: 100 } });
  await target.backbone.publish(kept, { n: 0 });
  const described = (): Promise<string | null> => target.client.hget(target.keys.meta(), "channel:orders");
  const before = await eventually(async () => (await described()) ?? undefined);
  await importRecording(target.backbone, await openRecording(path), { speed: "max" });
  assert.is(await described(), before);
});

test("appends each entry of a recording once, though replies are lost", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("r");
  const count = 20_000;
  await writeRecording(path, [header, ...Array.from({ length: count }, (_, i) => entry(i + 1))]);
  await using proxy = await startProxy(redisUrl());
  await using target = await open({ url: proxy.url, direct: redisUrl() });
  // Each time Redis has appended, and it is not heard of. The next one is set when the one before has happened.
  let lost = 0;
  const loseOne = async (): Promise<void> => {
    await proxy.swallowReply(named("EVALSHA", scripts.import.sha), 4);
    lost++;
    if (lost < 5) await loseOne();
  };
  const losing = loseOne();
  const report = await importRecording(target.backbone, await openRecording(path), {
    speed: "max",
  });
  await losing;
  assert.is(report.entries, count);
  const rows = await target.client.xrange(target.stream(orders), "-", "+");
  assert.equal(
    rows.map(([, fields]) => fields[1]),
    Array.from({ length: count }, (_, i) => `{"n":${i + 1}}`),
  );
});

test("imports a recording as a user that may publish and no more", async () => {
  await using directory = await makeDirectory();
  await writeRecording(directory.path("r"), [header, entry(1)]);
  const namespace = freshNamespace();
  await using admin = await open({ namespace });
  const [reset = "", ...rules] = aclRules(["producer"], { namespace, channels: ["orders"] });
  await admin.client.call("ACL", "SETUSER", namespace, reset, ">secret", ...rules);
  await using owner = openOwner({ url: redisUrl(), namespace });
  await owner.prepare();
  try {
    const url = new URL(redisUrl());
    url.username = namespace;
    url.password = "secret";
    await using backbone = await connectBackbone({ url: url.href, namespace });
    await importRecording(backbone, await openRecording(directory.path("r")), { speed: "max" });
    assert.is(await admin.client.xlen(admin.stream(orders)), 1);
  } finally {
    await admin.client.call("ACL", "DELUSER", namespace);
  }
});

test("an import that is stopped says how far it came", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("r");
  await writeRecording(path, [header, ...Array.from({ length: 5_000 }, (_, i) => entry(i + 1))]);
  await using target = await open();
  const stop = new AbortController();
  const report = await importRecording(target.backbone, await openRecording(path), {
    speed: "max",
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  assert.not.ok(report.isComplete);
  assert.is(await target.client.xlen(target.stream(orders)), report.entries);
  assert.is(report.line, report.entries + 1); // the header
});

test("keeps the times between the entries of a recording, times the speed", async () => {
  await using directory = await makeDirectory();
  const path = directory.path("r");
  await writeRecording(path, [header, entry(1_000), entry(1_400), entry(3_000)]);
  await using target = await open();
  const recording = await openRecording(path);
  const [seconds, micros] = await target.client.time();
  const begun = Number(seconds) * 1_000 + Number(micros) / 1_000;
  await importRecording(target.backbone, recording, { speed: 4 });
  const [first = 0, second = 0, third = 0] = (await target.client.xrange(target.stream(orders), "-", "+")).map(([id]) =>
    Number.parseInt(id, 10),
  );
  // From the beginning, as the first one may come late on a busy machine.
  assert.ok(second - begun >= 90 && third - begun >= 490, `${second - begun} and ${third - begun} ms`);
  assert.ok(third - first < 2_000, `${third - first} ms`);
});

test("an observer cannot import", async () => {
  await using directory = await makeDirectory();
  await writeRecording(directory.path("r"), [header]);
  await using observer = openObserver({ url: redisUrl(), namespace: freshNamespace() });
  await rejects(importRecording(observer, await openRecording(directory.path("r"))), ConfigError, /only reads/);
});
