/** Least-privilege users: the whole pipeline runs under them, and each is refused what is not its own. */

import { readdirSync } from "node:fs";
import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { createAlgorithm } from "../../consumers/algorithm/index.ts";
import { createOrderSender, createSimulatedExchange } from "../../consumers/order-sender/index.ts";
import { createOrderManager, placeOrder } from "../../producers/order-manager/index.ts";
import { aclText } from "../../src/cli/acl-text.ts";
import {
  type Backbone,
  type BackboneOptions,
  type Component,
  ConfigError,
  connectBackbone,
  item,
  type Log,
  on,
  openReplays,
  PermanentError,
  PublishError,
  replay,
  type Speed,
  StoreError,
} from "../../src/index.ts";
import { openObserver } from "../../src/observer.ts";
import { openOperator } from "../../src/operator.ts";
import { type AclRole, type AclScope, aclRoles, aclRules } from "../../src/redis/acl.ts";
import { type PrivateRedis, startPrivateRedis } from "../../src/redis/private-server.ts";
import { scripts } from "../../src/redis/scripts.ts";
import { memoryBook } from "../components/memory-book.ts";
import { type LogLine, memoryLog, soon, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { startProcess } from "../support/process.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

const namespace = "trading";
const password = "s3cret-Passw0rd";

class Server implements AsyncDisposable {
  readonly #redis: PrivateRedis;
  readonly admin: Redis;
  readonly lines: LogLine[] = [];
  readonly log: Log = memoryLog(this.lines);
  readonly #stack = new AsyncDisposableStack();

  constructor(redis: PrivateRedis) {
    this.#redis = redis;
    this.admin = new Redis(redis.url, { protocol: 2 });
  }

  /** A user with these roles; gives the URL under which it connects. */
  async user(name: string, roles: readonly AclRole[], scope: Partial<AclScope> = {}): Promise<string> {
    const [reset = "", ...rules] = aclRules(roles, { namespace, ...scope });
    await this.admin.call("ACL", "SETUSER", name, reset, `>${password}`, ...rules);
    return this.#redis.url.replace("//", `//${name}:${password}@`);
  }

  async connect(url: string, options: Partial<BackboneOptions> = {}): Promise<Backbone> {
    return this.#stack.use(await connectBackbone({ url, namespace, log: this.log, ...options }));
  }

  client(url: string): Redis {
    const client = new Redis(url, { protocol: 2, enableReadyCheck: false });
    this.#stack.defer(() => client.disconnect());
    return client;
  }

  /** Runs a component until the test ends. */
  async run(component: Component): Promise<Component> {
    const run = component.run();
    this.#stack.defer(async () => {
      await component.drain();
      await run;
    });
    await component.ready();
    return component;
  }

  /** What Redis has denied to anybody since the last call: "<user> <command or key>", sorted, each once. */
  async denied(): Promise<readonly string[]> {
    const rows = (await this.admin.call("ACL", "LOG", "128")) as unknown[][];
    await this.admin.call("ACL", "LOG", "RESET");
    const field = (row: unknown[], name: string): string => String(row[row.indexOf(name) + 1]);
    // Said at each connect, by a server that is too old to know what is asked.
    const isKnown = (text: string): boolean => !text.endsWith(" client|setinfo");
    return [...new Set(rows.map((row) => `${field(row, "username")} ${field(row, "object")}`))].filter(isKnown).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    this.admin.disconnect();
    await this.#redis[Symbol.asyncDispose]();
  }
}

async function start(): Promise<Server> {
  return new Server(await startPrivateRedis());
}

/** Each command must be denied for lack of permission. */
async function assertDenied(client: Redis, commands: readonly (readonly string[])[]): Promise<void> {
  for (const [name = "", ...args] of commands) {
    const refusal = await client.call(name, ...args).then(
      () => "it was done",
      (error: Error) => error.message,
    );
    assert.match(
      refusal,
      /^NOPERM|The user executing the script can't (run|access)/,
      `${name} ${args.join(" ")}: ${refusal}`,
    );
  }
}

test("the whole pipeline runs under least-privilege users, and Redis denies nothing of it", async () => {
  await using server = await start();
  const channels = ["client-orders", "executions", "exchange-orders", "fills"];
  const manager = await server.connect(
    await server.user("manager", ["producer", "component"], {
      channels: ["client-orders", "executions"],
      component: "order-manager",
    }),
  );
  const algorithm = await server.connect(
    await server.user("algorithm", ["component"], { channels, component: "algorithm" }),
  );
  const sender = await server.connect(
    await server.user("sender", ["component"], { channels: ["exchange-orders", "fills"], component: "order-sender" }),
  );
  const operatorUrl = await server.user("operator", ["operator"]);
  const exchange = createSimulatedExchange(memoryBook(), { seed: "acl", maxLatencyMs: 0 });
  const components = [
    await server.run(createOrderManager(manager)),
    await server.run(createAlgorithm(algorithm)),
    await server.run(createOrderSender(sender, exchange)),
  ];
  for (let n = 0; n < 20; n++) {
    await placeOrder(manager, {
      id: `o-${n}`,
      userId: "ann",
      symbol: "AAPL",
      side: "buy",
      price: "10.00",
      quantity: 1_500,
      orderType: "limit",
    });
  }
  await using observer = openObserver({ url: operatorUrl, namespace });
  await eventually(async () => {
    for (const component of components) await component.whenIdle();
    let executed = 0;
    for await (const { envelope } of observer.read("executions")) {
      executed += (JSON.parse(envelope?.payload ?? "{}") as { quantity?: number }).quantity ?? 0;
    }
    return executed === 20 * 1_500;
  });
  assert.is((await observer.status()).components.length, 3);
  assert.ok((await observer.journey("client.order_id=o-3")).events > 0);
  const following = new AbortController();
  for await (const _ of observer.read("executions", { follow: true, signal: following.signal, limit: 1 }))
    following.abort();
  assert.equal(await server.denied(), []);
  assert.equal(
    server.lines.filter(({ level }) => level === "error" || level === "warn"),
    [],
  );
});

test(
  "retries, dead letters, a take-over, a redrive and a purge need no more than the roles have",
  async () => {
    await using server = await start();
    const channel = things("things", { retry: { ...soon, maxAttempts: 2 }, dedupe: { windowMs: 60_000 } });
    const publisher = await server.connect(await server.user("publisher", ["producer"]));
    const url = await server.user("worker", ["component"]);
    const worker = await server.connect(url);
    let isMended = false;
    const handled: number[] = [];
    const component = await server.run(
      worker.component(
        "c",
        [
          on(channel, async ({ payload: { n } }, { attempt, state }) => {
            const counts = state<number>("counts");
            counts.set("all", ((await counts.get("all")) ?? 0) + 1);
            if (n === 1 && attempt === 1) throw new Error("once");
            if (n >= 2 && !isMended) throw new PermanentError("not yet");
            handled.push(n);
          }),
        ],
        { claimAfterMs: 200 },
      ),
    );
    await publisher.publishAll([0, 1, 2].map((n) => item(channel, { n })));
    await publisher.publish(channel, { n: 3 }, { eventId: "three" });
    await publisher.publish(channel, { n: 3 }, { eventId: "three" });
    await component.whenIdle();
    // Held by a member that never speaks: taken over.
    const stream = `{${namespace}:0}:things`;
    const [first] = await server.admin.xrange(stream, "-", "+", "COUNT", 1);
    await server.admin.xclaim(stream, "c", "stranger", 0, first?.[0] ?? "", "FORCE");
    await eventually(() => handled.filter((n) => n === 0).length === 2, 15_000);
    assert.equal(handled.toSorted(), [0, 0, 1]);

    isMended = true;
    await using operator = openOperator({ url: await server.user("operator", ["operator"]), namespace });
    const letters = operator.deadLetters({ component: "c" });
    assert.is((await letters.rehearse()).redriven, 2);
    assert.is((await letters.purge({ limit: 1 })).purged, 1);
    assert.is((await letters.redrive()).redriven, 1);
    await component.whenIdle();
    // Which of the two was buried first, and so purged, is theirs to decide: they share no key.
    const again = handled.filter((n) => n >= 2);
    assert.ok(again.length === 1 && (again[0] === 2 || again[0] === 3), again.join());
    // Its group is gone, and made again where it stood or before.
    await server.admin.xgroup("DESTROY", stream, "c");
    await publisher.publish(channel, { n: 9 });
    await eventually(() => handled.includes(9), 15_000);
    assert.equal(await server.denied(), []);
  },
  { timeoutMs: 40_000 },
);

test("maintenance runs under a component's user, and an evicting producer's", async () => {
  await using server = await start();
  const kept = things("kept", { retention: { maxEntries: 5 } });
  const capped = things("capped", { retention: { hardCap: 5, onFull: "evict" } });
  const url = await server.user("worker", ["component"]);
  const worker = await server.connect(url, { maintenanceEveryMs: 100 });
  await server.run(worker.component("c", [on(kept, () => undefined)]));
  const publisher = await server.connect(await server.user("publisher", ["producer"], { evicts: true }));
  for (let n = 0; n < 20; n++) {
    await publisher.publish(kept, { n });
    await publisher.publish(capped, { n });
  }
  await eventually(async () => (await server.admin.xlen(`{${namespace}:0}:kept`)) <= 6);
  assert.ok((await server.admin.xlen(`{${namespace}:0}:capped`)) <= 5);
  assert.is((await worker.status()).channels.length, 2);
  assert.equal(await server.denied(), []);
});

test("each role is refused what is not its own", async () => {
  await using server = await start();
  const { admin } = server;
  const stream = `{${namespace}:0}:things`;
  await admin.xadd(stream, "*", "payload", '{"n":1}');
  await admin.xgroup("CREATE", stream, "live", "0");
  await admin.hset(`{${namespace}:0}:state:other:book`, "k", "1 {}");
  const nobody = [
    ["FLUSHALL"],
    ["FLUSHDB"],
    ["CONFIG", "GET", "*"],
    ["ACL", "LIST"],
    ["KEYS", "*"],
    ["SHUTDOWN", "NOSAVE"],
    ["CLIENT", "KILL", "TYPE", "normal"],
    ["SCRIPT", "FLUSH"],
    ["MONITOR"],
    ["GET", "elsewhere"],
    ["XADD", "{other:0}:things", "*", "payload", "{}"],
    ["XRANGE", "{other:0}:things", "-", "+"],
    ["HGETALL", "other:meta"],
    // What a script does is its user's doing.
    ["EVAL", "return redis.call('FLUSHALL')", "0"],
    ["EVAL", "return redis.call('XADD', KEYS[1], '*', 'payload', '{}')", "1", "{other:0}:things"],
  ];
  const writes = [
    ["XADD", stream, "*", "payload", "{}"],
    ["EVAL", "return redis.call('XADD', KEYS[1], '*', 'payload', '{}')", "1", stream],
  ];
  const consumes = [
    ["XREADGROUP", "GROUP", "live", "m", "STREAMS", stream, ">"],
    ["XACK", stream, "live", "0-1"],
    ["XGROUP", "SETID", stream, "live", "$"],
    ["XGROUP", "DESTROY", stream, "live"],
    ["XGROUP", "CREATE", stream, "mine", "$"],
    ["XGROUP", "DELCONSUMER", stream, "live", "m"],
  ];
  const deletes = [
    ["DEL", stream],
    ["UNLINK", stream],
    ["XDEL", stream, "0-1"],
    ["XTRIM", stream, "MAXLEN", "0"],
  ];
  const reads = [
    ["XRANGE", stream, "-", "+"],
    ["XREAD", "STREAMS", stream, "0"],
  ];
  const claims = [
    ["XCLAIM", stream, "live", "m", "0", "0-1"],
    ["XAUTOCLAIM", stream, "live", "m", "0", "0"],
  ];
  const states = [
    ["HSET", `{${namespace}:0}:state:other:book`, "k", "2 {}"],
    ["DEL", `{${namespace}:0}:members:live`],
  ];

  const as = async (role: AclRole, scope: Partial<AclScope> = {}): Promise<Redis> =>
    server.client(await server.user(role, [role], scope));
  await assertDenied(await as("producer"), [
    ...nobody,
    ...reads,
    ...consumes,
    ...claims,
    ...deletes,
    ...states,
    ["INFO"],
  ]);
  const component = await as("component", { component: "mine", channels: ["mine", "theirs"] });
  await assertDenied(component, [...nobody, ...writes, ...consumes, ...claims, ...deletes, ...states]);
  const anyComponent = await as("component");
  await assertDenied(anyComponent, [...nobody, ["XGROUP", "DESTROY", stream, "live"], ["DEL", stream]]);
  const replay = await as("replay", { into: "shadow" });
  await assertDenied(replay, [...nobody, ...writes, ...consumes, ...claims, ...deletes, ...states]);
  assert.ok(await replay.xadd("{shadow:0}:things", "*", "payload", "{}"));
  assert.is((await replay.xrange(stream, "-", "+")).length, 1);
  const operator = await as("operator");
  const operatorOnly = [...nobody, ...writes, ...consumes, ...deletes, ...states];
  await assertDenied(operator, [
    ...operatorOnly,
    ["XADD", `${stream}:dead:live`, "*", "payload", "{}"],
    ["XAUTOCLAIM", stream, "live", "m", "0", "0"],
  ]);
  assert.is(await operator.xdel(`${stream}:dead:live`, "0-1"), 0);
  assert.is(await admin.xlen(stream), 1);
});

test("whoever may replay into a namespace can do so, keeps notes of it, and resumes it", async () => {
  await using server = await start();
  const things1 = things("things");
  const backbone = await server.connect(await server.user("publisher", ["producer"]));
  for (let n = 0; n < 5; n++) await backbone.publish(things1, { n });
  const url = await server.user("replayer", ["replay"], { into: "shadow" });
  const options = { url, sourceNamespace: namespace, channels: ["things"], speed: "max" } as const;
  const { run, entries } = await replay({ ...options, namespace: "shadow" });
  assert.is(entries, 5);
  assert.is(await server.admin.xlen("{shadow:0}:things"), 5);
  assert.is((await replay({ url, sourceNamespace: namespace, resume: run })).appended, 0);
  for (const other of ["elsewhere", namespace]) {
    await rejects(
      replay({ ...options, namespace: other, live: true }),
      StoreError,
      new RegExp(`namespace "${other}" cannot be`),
    );
  }
  assert.is(await server.admin.xlen(`{${namespace}:0}:things`), 5);
});

test(
  "a background worker needs no more than the role has with its option, and is refused elsewhere",
  async () => {
    await using server = await start();
    const backbone = await server.connect(await server.user("publisher", ["producer"]));
    for (let n = 0; n < 5; n++) {
      const { entryId } = await backbone.publish(things("things"), { n });
      // What was appended within one millisecond is replayed at once, however slow the replay is.
      await eventually(() => Date.now() > Number.parseInt(entryId, 10) + 1);
    }
    const options = { namespace, log: server.log };
    const url = await server.user("worker", ["replay"], { into: "shadow", background: true });
    await using replays = openReplays({ url, ...options });
    const source = await replays.open({ channels: ["things"] });
    const queue = async (run: string, speed: Speed = "max"): Promise<string> => {
      const request = await replays.prepare(source, { namespace: "shadow", into: run, run, speed });
      await replays.queue(request);
      return `{shadow:0}:${run}`;
    };
    const cancelled = await queue("cancelled");
    assert.is(await replays.cancel("cancelled"), true);
    const slow = await queue("slow", 0.000_01);
    const reports: unknown[] = [];
    const work = async (isDone: () => boolean | Promise<boolean>): Promise<void> => {
      const stop = new AbortController();
      const worked = replays.work(stop.signal, (run, report) => reports.push([run, report]));
      await eventually(isDone, 15_000).finally(() => stop.abort());
      await worked;
    };
    await work(async () => (await server.admin.xlen(slow)) === 1);
    assert.is((await replays.find("slow"))?.state, "stopped", "it was handed back");
    assert.is(await replays.cancel("slow"), true);
    const done = await queue("done");
    await work(async () => (await replays.find("done"))?.state === "done");
    assert.equal([await server.admin.xlen(done), await server.admin.exists(cancelled)], [5, 0]);
    assert.equal(await server.denied(), []);
    assert.equal(
      server.lines.filter(({ level }) => level === "error" || level === "warn"),
      [],
    );

    const client = server.client(url);
    await assertDenied(client, [
      ["HSET", `{${namespace}:0}:bull:maintenance:1`, "a", "b"],
      ["HSET", "{other-replays:0}:bull:replay:1", "a", "b"],
      ["EVAL", "return redis.call('HSET', KEYS[1], 'a', 'b')", "1", "{other-replays:0}:bull:replay:1"],
      ["XADD", `{${namespace}:0}:things`, "*", "payload", "{}"],
      ["DEL", `{${namespace}-replays:0}:replays`],
      ["KEYS", "*"],
    ]);
    const without = await server.user("foreground", ["replay"], { into: "shadow" });
    await assertDenied(server.client(without), [
      ["HSET", `{${namespace}-replays:0}:bull:replay:1`, "a", "b"],
      ["EVAL", "return redis.call('HGETALL', KEYS[1])", "1", `{${namespace}-replays:0}:bull:replay:1`],
      ["INFO"],
    ]);
    await using foreground = openReplays({ url: without, ...options });
    const request = await foreground.prepare(source, { namespace: "shadow", run: "refused", speed: "max" });
    await rejects(foreground.queue(request), StoreError, /run refused cannot be queued/);
    assert.is((await foreground.find("refused"))?.state, "failed");
  },
  { timeoutMs: 60_000 },
);

test("a channel that a user may not publish to refuses its own events, and the others of a publishAll", async () => {
  await using server = await start();
  const mine = things("mine");
  const backbone = await server.connect(await server.user("publisher", ["producer"], { channels: ["mine"] }));
  await backbone.publish(mine, { n: 0 });
  const error = await rejects(
    backbone.publishAll([item(mine, { n: 1 }), item(things("theirs"), { n: 2 })]),
    PublishError,
  );
  assert.is(error.outcome, "rejected");
  assert.is(await server.admin.xlen(`{${namespace}:0}:mine`), 1);
  // Two publishes of one tick travel together.
  const [here, there] = await Promise.allSettled([
    backbone.publish(mine, { n: 3 }),
    backbone.publish(things("theirs"), { n: 4 }),
  ]);
  assert.equal([here.status, there.status], ["fulfilled", "rejected"]);
});

test(
  "a permission that is withdrawn leaves the entry pending, raises an alarm, and all goes on when it is granted again",
  async () => {
    await using server = await start();
    const source = things("source", { retry: soon });
    const output = things("output");
    const scope = { component: "c", channels: ["source", "output"] };
    const publisher = await server.connect(await server.user("publisher", ["producer"]));
    const worker = await server.connect(await server.user("worker", ["component"], scope));
    const component = await server.run(
      worker.component("c", [
        on(source, async ({ payload }, { publish, state }) => {
          const counts = state<number>("counts");
          counts.set("n", ((await counts.get("n")) ?? 0) + 1);
          await publish(output, payload);
        }),
      ]),
    );
    const written = (): Promise<number> => server.admin.xlen(`{${namespace}:0}:output`);
    const pending = async (): Promise<number> =>
      Number((await server.admin.xpending(`{${namespace}:0}:source`, "c"))[0]);
    await publisher.publish(source, { n: 0 });
    await component.whenIdle();
    assert.is(await written(), 1);

    const withdrawals: readonly [string, Partial<AclScope> | undefined, RegExp][] = [
      ["the output's channel", { ...scope, channels: ["source"] }, /settlement/],
      ["everything", undefined, /.*/],
    ];
    let n = 0;
    for (const [what, rest, alarm] of withdrawals) {
      const seen = server.lines.length;
      if (rest === undefined)
        await server.admin.call("ACL", "SETUSER", "worker", "clearselectors", "-@all", "+client|setname");
      else await server.user("worker", ["component"], rest);
      await publisher.publish(source, { n: ++n });
      await eventually(() =>
        server.lines
          .slice(seen)
          .some(
            ({ level, text, fields }) =>
              level === "error" && alarm.test(text) && /NOPERM|permission|can't/.test(String(fields["reason"])),
          ),
      );
      assert.is(await written(), n, what);
      if (rest !== undefined) assert.is(await pending(), 1, what);
      await server.user("worker", ["component"], scope);
      await component.whenIdle();
      assert.is(await written(), n + 1, what);
    }
    assert.is(await worker.view<number>("c", "counts").get("n"), 3);
    assert.is(await pending(), 0);
  },
  { timeoutMs: 60_000 },
);

test("an output that its user may not publish holds up its own entry and no other", async () => {
  await using server = await start();
  const [source, output, theirs] = [things("source"), things("output"), things("theirs")];
  const scope = { component: "c", channels: ["source", "output"] };
  const worker = await server.connect(await server.user("worker", ["component"], scope));
  const component = await server.run(
    worker.component("c", [
      on(source, async ({ payload }, { publish }) => {
        await publish(payload.n % 2 === 0 ? output : theirs, payload);
      }),
    ]),
  );
  const publisher = await server.connect(await server.user("publisher", ["producer"]));
  for (let round = 0; round < 3; round++) {
    await publisher.publishAll(Array.from({ length: 20 }, (_, n) => item(source, { n })));
    await eventually(async () => (await server.admin.xlen(`{${namespace}:0}:output`)) === 10 * (round + 1));
  }
  assert.is(await server.admin.xlen(`{${namespace}:0}:theirs`), 0);
  await server.user("worker", ["component"], { component: "c" });
  await component.whenIdle();
  assert.is(await server.admin.xlen(`{${namespace}:0}:theirs`), 30);
});

test("a redrive under a user who may not remove letters changes nothing", async () => {
  await using server = await start();
  const channel = things("things");
  const worker = await server.connect(await server.user("worker", ["component"]));
  const component = await server.run(
    worker.component("c", [
      on(channel, () => {
        throw new PermanentError("no");
      }),
    ]),
  );
  await (await server.connect(await server.user("publisher", ["producer"]))).publish(channel, { n: 1 });
  await component.whenIdle();
  const rules = aclRules(["operator"], { namespace }).map((rule) => rule.replace("+xdel", "+xlen"));
  await server.admin.call("ACL", "SETUSER", "operator", ...rules, `>${password}`);
  const url = (await server.user("unused", ["operator"])).replace("unused", "operator");
  await using operator = openOperator({ url, namespace });
  await rejects(operator.deadLetters().redrive(), StoreError, /cannot be redriven/);
  assert.is(Number((await server.admin.xpending(`{${namespace}:0}:things`, "c"))[0]), 0);
  assert.is(await server.admin.xlen(`{${namespace}:0}:things:dead:c`), 1);
});

test("every command of every script is granted to some role", () => {
  const granted = new Set(
    aclRoles
      .flatMap((role) => aclRules([role], { namespace: "n", evicts: true, into: "m" }))
      .flatMap((rule) => rule.match(/\+[a-z|]+/g) ?? [])
      .map((rule) => rule.slice(1)),
  );
  const named = readdirSync("src/redis").filter((file) => file.endsWith(".lua"));
  assert.ok(named.length >= Object.keys(scripts).length);
  for (const [name, { source }] of Object.entries(scripts)) {
    for (const [, command = "", sub] of source.matchAll(/redis\.p?call\('([A-Z]+)'(?:, '([A-Z]+)')?/g)) {
      const isPart = command === "XINFO" || command === "XGROUP";
      const wanted = (isPart ? `${command}|${sub}` : command).toLowerCase();
      assert.ok(granted.has(wanted), `${name}.lua needs ${wanted}`);
    }
  }
});

test("a scope that could open more than it says is refused", () => {
  const wrong: readonly Partial<AclScope>[] = [
    { namespace: "*" },
    { channels: ["a*"] },
    { component: "c:*" },
    { channels: ["a ~*"] },
    { into: "a}:*" },
    { into: namespace },
  ];
  for (const scope of wrong) {
    assert.throws(
      () => aclRules(["replay"], { namespace, ...scope }),
      (error: unknown) => error instanceof ConfigError,
      JSON.stringify(scope),
    );
  }
});

test("what throughline acl prints is a command and an aclfile line that Redis takes once the password is in", async () => {
  await using server = await start();
  for (const role of aclRoles) {
    const words = aclText(`trading-${role}`, aclRules([role], { namespace }), "setuser").split(" ");
    assert.equal(words.slice(0, 4), ["ACL", "SETUSER", `trading-${role}`, "reset"]);
    const [command = "", ...args] = words;
    await rejects(server.admin.call(command, ...args), Error, /password hash/);
    const hashed = args.map((word) => (word.startsWith("#") ? `#${"a".repeat(64)}` : word));
    assert.is(await server.admin.call(command, ...hashed), "OK");
    const list = (await server.admin.call("ACL", "LIST")) as string[];
    assert.ok(list.some((line) => line.startsWith(`user trading-${role} on`) && line.includes("resetchannels")));
  }
});

test(
  "throughline acl prints what was asked for, and refuses what is none",
  async () => {
    const acl = async (...args: readonly string[]): Promise<{ code: number | null; out: string }> => {
      await using child = startProcess("src/cli/throughline.ts", ["acl", ...args], { env: { NAMESPACE: namespace } });
      const { code } = await child.ended;
      return { code, out: child.stdout().trim() };
    };
    const [command, file, json, ...wrong] = await Promise.all([
      acl("replay", "--into", "shadow", "--background"),
      acl("producer", "operator", "--format", "aclfile", "--user", "both"),
      acl("component", "--component", "algorithm", "--json"),
      acl("king"),
      acl("component", "--component", "*"),
    ]);
    const replayRules = aclRules(["replay"], { namespace, into: "shadow", background: true });
    assert.equal([command.code, command.out], [0, aclText("trading-replay", replayRules, "setuser")]);
    assert.match(file.out, /^user both #SHA256-OF-THE-PASSWORD on -@all /);
    const { user, rules } = JSON.parse(json.out);
    assert.is(user, "trading-component");
    assert.equal(rules, aclRules(["component"], { namespace, component: "algorithm" }));
    assert.equal(
      wrong.map(({ code }) => code),
      [2, 2],
    );
  },
  { timeoutMs: 60_000 },
);
