/** The suite that holds on every supported server, run on each row of the table of images. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { createAlgorithm } from "../../consumers/algorithm/index.ts";
import { createOrderManager, placeFile } from "../../producers/order-manager/index.ts";
import { ConfigError, connectBackbone, type DeadLetter, on, PermanentError } from "../../src/index.ts";
import { aclRules } from "../../src/redis/acl/rules.ts";
import type { AclRole } from "../../src/redis/acl/scope.ts";
import { startRedis } from "../../src/testing.ts";
import { booksOf, findBreaches } from "../../trading/pipeline/conservation.ts";
import { noPositions, readLedger } from "../../trading/pipeline/ledger.ts";
import { type LogLine, memoryLog, open, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { rejects } from "../support/rejects.ts";
import { isLinked } from "../support/replication.ts";
import { createAuthority } from "../support/tls.ts";
import { openVenue, senderFor } from "../trading/venue/test-venue.ts";
import { faults, underLoad } from "./container-faults.ts";
import { containerTest } from "./container-test.ts";
import { imageOf, type ServerImage } from "./images.ts";
import { copier, Load, out, source } from "./load.ts";
import { makeNetwork, makeVolume, startServer } from "./server.ts";

const sample = "trading/domain/sample/orders.ndjson";

/** With "everysec" a server that is killed while the disk is slow has replied to what it has not written. */
const synced = ["--appendfsync", "always"];

export function containerSuite(image: ServerImage): void {
  const on7 = (text: string): string => `${image.name}: ${text}`;

  containerTest(on7("is the server that it is said to be"), async (owner) => {
    await using server = await startServer(owner, image);
    await using o = await open({ url: server.url });
    assert.match(await o.client.info("server"), image.version);
  });

  containerTest(on7("is started by a user's test with one line, and gone after it"), async () => {
    let url: string;
    {
      await using redis = await startRedis({ image: imageOf(image) });
      url = redis.url;
      await using o = await open({ url });
      await o.backbone.publish(source, { n: 1 });
      assert.is((await o.entries(source)).length, 1);
    }
    await rejects(once(connect(Number(new URL(url).port), "127.0.0.1"), "connect"), Error, /ECONNREFUSED/);
  });

  containerTest(on7("runs the order pipeline, and quantity is conserved"), async (owner) => {
    await using server = await startServer(owner, image);
    await using o = await open({ url: server.url });
    await using traded = await openVenue({ latencyMs: 5, rejectRate: 0.1 });
    const sender = senderFor(o.backbone, [traded]);
    await using _sender = sender.sender;
    const components = await Promise.all([
      o.run(createOrderManager(o.backbone)),
      o.run(createAlgorithm(o.backbone)),
      o.run(sender.sender.component),
    ]);
    const { placed } = await placeFile(o.backbone, sample);
    const ledger = await eventually(async () => {
      for (const component of components) await component.whenIdle();
      const books = await readLedger(o.backbone, noPositions);
      return findBreaches(books, booksOf(books, traded.venue.totals())).length === 0 && books;
    }, 60_000);
    assert.is(placed, 2_400);
    assert.is(ledger.counts["client-orders"].total, placed);
    assert.is(traded.venue.totals().ordered, 1_264_727);
  });

  for (const [what, happen] of Object.entries(faults)) {
    containerTest(on7(`loses and repeats nothing when its container is ${what}`), async (owner) => {
      await using server = await startServer(owner, image, { settings: synced });
      await underLoad(server, happen);
    });
  }

  containerTest(on7("goes on with its volume in another container"), async (owner) => {
    await using volume = await makeVolume(owner);
    const namespace = "moved";
    let before: number;
    {
      await using server = await startServer(owner, image, { volume: volume.name, settings: synced });
      await using o = await open({ url: server.url, namespace });
      await o.run(copier(o));
      const load = new Load(o);
      await load.goOn(200);
      await load.end();
      before = (await o.entries(source)).length;
      // Drained, it hands back what it has not begun; that is for the other container.
      await o.backbone.close();
      await server.kill();
    }
    await using server = await startServer(owner, image, { volume: volume.name, settings: synced });
    await using o = await open({ url: server.url, namespace });
    const component = await o.run(copier(o));
    await component.whenIdle();
    const outputs = (await o.entries(out)).map(({ payload }) => payload.n);
    assert.is((await o.entries(source)).length, before);
    assert.is(outputs.length, before);
    assert.is(new Set(outputs).size, before);
  });

  containerTest(on7("brings a failed event back in time, parked or in its key's order"), async (owner) => {
    await using server = await startServer(owner, image);
    await using o = await open({ url: server.url });
    for (const onRetry of ["park", "block"] as const) {
      const channel = things(`retried-${onRetry}`, { retry: { backoffMs: 100, jitter: 0, maxAttempts: 3, onRetry } });
      const seen: string[] = [];
      const component = await o.run(
        o.backbone.component(onRetry, [
          on(channel, ({ payload: { n } }, { attempt }) => {
            seen.push(`${n}/${attempt}`);
            if (n === 0 && attempt < 3) throw new Error("not yet");
          }),
        ]),
      );
      const refs = [
        await o.backbone.publish(channel, { n: 0, key: "k" }),
        await o.backbone.publish(channel, { n: 1, key: "k" }),
      ];
      for (const ref of refs) assert.is(await component.whenSettled(ref), "acked");
      const expected = { park: ["0/1", "1/1", "0/2", "0/3"], block: ["0/1", "0/2", "0/3", "1/1"] };
      assert.equal(seen, expected[onRetry]);
    }
  });

  containerTest(on7("keeps what a component gave up, and hands it back when asked"), async (owner) => {
    await using server = await startServer(owner, image);
    await using o = await open({ url: server.url });
    const channel = things("given-up", { retry: { ...soon, maxAttempts: 2 } });
    let isMended = false;
    const component = await o.run(
      o.backbone.component("c", [
        on(channel, ({ payload: { n } }) => {
          if (isMended) return;
          throw n === 0 ? new PermanentError("never") : new Error("not now");
        }),
      ]),
    );
    const refs = [await o.backbone.publish(channel, { n: 0 }), await o.backbone.publish(channel, { n: 1 })];
    for (const ref of refs) assert.is(await component.whenSettled(ref), "deadLettered");
    const letters = o.backbone.deadLetters({ channel, component: "c" });
    const found: DeadLetter[] = [];
    for await (const letter of letters.list()) found.push(letter);
    assert.equal(
      found.map(({ attempts }) => attempts),
      [1, 2],
    );
    isMended = true;
    assert.is((await letters.redrive()).redriven, 2);
    await component.whenIdle();
    for (const ref of refs) assert.is(await component.whenSettled(ref), "acked");
    assert.is((await o.dead(channel, "c")).length, 0);
  });

  containerTest(
    on7(
      image.hasWaitAof
        ? "acknowledges what is synced to disk, and keeps it when it is killed"
        : "refuses to promise what is synced to disk, as it has no WAITAOF",
    ),
    async (owner) => {
      await using server = await startServer(owner, image, { settings: synced });
      const durability = { fsync: "local", timeoutMs: 5_000 } as const;
      if (!image.hasWaitAof) {
        await rejects(
          connectBackbone({ url: server.url, namespace: "n", durability }),
          ConfigError,
          /needs Redis 7.2 or newer/,
        );
        return;
      }
      await using o = await open({ url: server.url, durability });
      const component = await o.run(copier(o, 15_000));
      await Promise.all(Array.from({ length: 300 }, (_, n) => o.backbone.publish(source, { n })));
      await server.kill();
      await server.start();
      assert.is((await eventually(() => o.entries(source))).length, 300);
      await component.whenIdle();
      assert.is((await o.entries(out)).length, 300);
    },
  );

  containerTest(on7("acknowledges what a replica has, and goes on with the replica alone"), async (owner) => {
    await using stack = new AsyncDisposableStack();
    const { name: network } = stack.use(await makeNetwork(owner));
    const primary = stack.use(
      await startServer(owner, image, { network, alias: "primary", settings: ["--repl-diskless-sync-delay", "0"] }),
    );
    const replica = stack.use(await startServer(owner, image, { network, settings: ["--replicaof", "primary 6379"] }));
    const copy = new Redis(replica.url);
    copy.on("error", () => undefined); // said by the test that fails then
    stack.defer(() => copy.disconnect());
    await eventually(() => isLinked(copy), 30_000);
    {
      await using o = await open({
        url: primary.url,
        namespace: "copied",
        durability: { replicas: 1, timeoutMs: 5_000 },
      });
      await Promise.all(Array.from({ length: 300 }, (_, n) => o.backbone.publish(source, { n })));
      await primary.kill(); // what it has not sent is gone
    }
    await copy.replicaof("NO", "ONE");
    await using o = await open({ url: replica.url, namespace: "copied" });
    const component = await o.run(copier(o));
    await component.whenIdle();
    assert.is((await o.entries(out)).length, 300);
  });

  containerTest(on7("serves least-privilege users over TLS, and denies them nothing that they need"), async (owner) => {
    await using authority = await createAuthority();
    const certificate = await authority.issue("server", "DNS:localhost,IP:127.0.0.1");
    const password = "correct-horse-battery-staple";
    const hash = createHash("sha256").update(password).digest("hex");
    const namespace = "trading";
    const user = (name: string, roles: readonly AclRole[], component?: string): string =>
      [
        "user",
        name,
        `#${hash}`,
        ...aclRules(roles, { namespace, channels: ["source", out.name], ...(component && { component }) }).slice(1),
      ].join(" ");
    const users = [
      "user default off ~* &* +@all", // it may not come in; the append-only file is loaded under its rights
      `user admin #${hash} on +@all ~* &*`,
      user("publisher", ["producer"]),
      user("copier", ["component"], "copier"),
    ];
    await using server = await startServer(owner, image, {
      inside: 6380,
      settings: [
        ...synced,
        ...["--port", "0", "--tls-port", "6380", "--tls-auth-clients", "no", "--aclfile", "/tls/users.acl"],
        ...["--tls-cert-file", "/tls/server.pem", "--tls-key-file", "/tls/server.key", "--tls-ca-cert-file", "/tls/ca"],
      ],
      files: [
        { target: "/tls/users.acl", content: `${users.join("\n")}\n` },
        { target: "/tls/server.pem", content: certificate.cert },
        { target: "/tls/server.key", content: certificate.key },
        { target: "/tls/ca", content: authority.ca },
      ],
    });
    const urlOf = (name: string): string => `rediss://${name}:${password}@127.0.0.1:${server.port}`;
    const tls = { ca: authority.ca };
    const admin = new Redis(urlOf("admin"), { tls });
    admin.on("error", () => undefined); // it is killed on purpose
    const lines: LogLine[] = [];
    const log = memoryLog(lines);
    const channel = things("source", { retry: { ...soon, maxAttempts: 2 } });
    try {
      await using publisher = await connectBackbone({ url: urlOf("publisher"), tls, namespace, log });
      await using backbone = await connectBackbone({ url: urlOf("copier"), tls, namespace, log });
      const component = backbone.component("copier", [
        on(channel, async ({ payload }, { publish, state, attempt }) => {
          if (payload.n === 1 && attempt === 1) throw new Error("once"); // BullMQ's timer brings it back
          if (payload.n === 2) throw new PermanentError("never");
          state<number>("last").set("n", payload.n);
          await publish(out, payload);
        }),
      ]);
      const run = component.run();
      await component.ready();
      await eventually(async () => (await admin.hget(`${namespace}:meta`, "channel:source")) !== null);
      const settled: string[] = [];
      for (const n of [0, 1, 2]) settled.push(await component.whenSettled(await publisher.publish(channel, { n })));
      assert.equal(settled, ["acked", "acked", "deadLettered"]);
      await component.drain();
      await run;
      const denied = ((await admin.call("ACL", "LOG")) as unknown[][]).map((row) => row[row.indexOf("object") + 1]);
      // Said at each connect, by a server that is too old to know what is asked.
      assert.equal(
        denied.filter((object) => object !== "client|setinfo"),
        [],
      );
      await server.kill();
      await server.start();
      const kept = async (name: string): Promise<number> => {
        let count = 0;
        for await (const _ of backbone.read(name)) count++;
        return count;
      };
      assert.equal([await kept(channel.name), await kept(out.name)], [3, 2]);
      const stranger = connectBackbone({ url: urlOf("copier"), namespace, log });
      await rejects(stranger, ConfigError, /TLS connection to Redis is refused/);
    } finally {
      admin.disconnect();
    }
  });
}
