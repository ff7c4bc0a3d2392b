/** The Compose stack from images made here: its order of starting, its users, its components under faults, its spans over gRPC. */

import * as assert from "uvu/assert";
import { openObserver } from "../../src/composition/observer.ts";
import type { Backbone } from "../../src/index.ts";
import type { VenueTotals } from "../../trading/domain/index.ts";
import { booksOf, findBreaches } from "../../trading/pipeline/conservation.ts";
import { type Ledger, noPositions, readLedger } from "../../trading/pipeline/ledger.ts";
import { connectClient } from "../producers/order-manager/gateway-client.ts";
import { memoryLog } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { skip } from "../support/test.ts";
import { Collector } from "../telemetry/collector.ts";
import { containerTest } from "./container-test.ts";
import { docker, dockerWith } from "./engine.ts";
import { componentImage } from "./images.ts";
import { bridgeAddress, components, type Stack, startStack } from "./stack.ts";

const sampleOrders = 2_400;

async function refuseWithoutCompose(): Promise<void> {
  await docker("compose", "version").catch(() => {
    if (process.env["THROUGHLINE_CONTAINERS"] === "required") throw new Error("docker has no compose plugin");
    skip("docker has no compose plugin");
  });
}

/** The current summary of the stack's log, if quantity is conserved and nothing is open. */
async function conserved(reader: Pick<Backbone, "read">, stack: Stack, orders: number): Promise<Ledger | undefined> {
  const venue = await stack.published("venue", 9470);
  const totals = (await (await fetch(`http://${venue}/totals?client=trading`)).json()) as VenueTotals;
  const ledger = await readLedger(reader, noPositions);
  const isWhole = ledger.counts["client-orders"].total === orders;
  return isWhole && findBreaches(ledger, booksOf(ledger, totals)).length === 0 ? ledger : undefined;
}

/** Nobody gets in without a password, and a user is refused what is another's. */
async function assertLocked(stack: Stack): Promise<void> {
  const cli = (...command: string[]): Promise<string> =>
    stack.compose("exec", "-T", "redis", "redis-cli", ...command).catch((error: Error) => error.message);
  const as = async (user: string): Promise<readonly string[]> => {
    const { password } = new URL(await stack.url(user));
    return ["-u", `redis://${user}:${password}@127.0.0.1:6379`];
  };
  assert.match(await cli("ping"), /NOAUTH/);
  const sender = await as("order-sender");
  assert.match(await cli(...sender, "XADD", "{trading:0}:client-orders", "*", "payload", "{}"), /NOPERM/);
  assert.match(await cli(...sender, "FLUSHALL"), /NOPERM/);
  const operator = await as("operator");
  assert.match(await cli(...operator, "XADD", "{trading:0}:fills", "*", "payload", "{}"), /NOPERM/);
  assert.is(await cli(...operator, "EXISTS", "{trading:0}:client-orders"), "1");
}

containerTest(
  "the stack comes up by health, orders flow through it under its users, and their spans arrive over gRPC",
  async (owner) => {
    await refuseWithoutCompose();
    await using collector = await Collector.start(await bridgeAddress());
    await using stack = await startStack(owner, { endpoint: collector.endpoint });
    const log = memoryLog([]);
    await using observer = openObserver({ url: await stack.url("operator"), namespace: "trading", log });

    // The sample, which the Order Manager places by itself.
    await eventually(() => conserved(observer, stack, sampleOrders), 60_000);

    // An order over the gateway that is published, all the way back to its client.
    await using client = await connectClient(`ws://${await stack.published("order-manager", 8080)}`, "ann");
    client.send({
      type: "order",
      order: { id: "w-1", symbol: "AAPL", side: "buy", price: "577.50", quantity: 100, orderType: "limit" },
    });
    await client.next("accepted", ({ orderId }) => orderId === "w-1");
    let executed = 0;
    while (executed < 100) executed += (await client.next("execution")).quantity ?? 0;
    assert.is(executed, 100);
    await eventually(() => conserved(observer, stack, sampleOrders + 1), 30_000);

    const services = (): Set<string> =>
      new Set(
        collector.spans.flatMap(({ service, attributes }) =>
          attributes["user.id"] === "ann" && attributes["client.order_id"] === "w-1" ? [service] : [],
        ),
      );
    // Its spans come behind the fifty thousand of the sample, which one process here takes in, writes and reads.
    await collector.until(() => services().size === 3, 120_000);
    assert.equal([...services()].sort(), [...components].sort());

    const logs = await stack.compose("logs", ...components);
    assert.not.match(logs, /NOPERM|"level":"error"/);
    for (const name of components) {
      const health = await docker("inspect", await stack.idOf(name), "--format", "{{.State.Health.Status}}");
      assert.is(health, "healthy", name);
    }
    assert.is(await docker("inspect", await stack.idOf("setup"), "--format", "{{.State.ExitCode}}"), "0");
    await assertLocked(stack);
  },
  { component: true, timeoutMs: 330_000 },
);

containerTest(
  "a stack whose Redis and components are killed conserves quantity, and ends with 0 when it is stopped",
  async (owner) => {
    await refuseWithoutCompose();
    await using collector = await Collector.start(await bridgeAddress());
    await using stack = await startStack(owner, { endpoint: collector.endpoint });
    for (const name of ["algorithm", "redis", "order-sender", "venue", "order-manager"]) {
      await stack.compose("kill", name);
      await stack.compose("start", name);
    }
    await using observer = openObserver({
      url: await stack.url("operator"),
      namespace: "trading",
      log: memoryLog([]),
    });
    await eventually(() => conserved(observer, stack, sampleOrders), 90_000);
    // The one that was started last may still be starting.
    await stack.compose("up", "--no-build", "--wait", "--wait-timeout", "60", ...components);
    await stack.compose("stop", "--timeout", "20", ...components);
    for (const name of components) {
      assert.is(await docker("inspect", await stack.idOf(name), "--format", "{{.State.ExitCode}}"), "0", name);
    }
  },
  { component: true, timeoutMs: 240_000 },
);

containerTest(
  "on the cluster of the profile quantity is conserved, and orders go on when a primary is killed",
  async (owner) => {
    await refuseWithoutCompose();
    await using collector = await Collector.start(await bridgeAddress());
    await using stack = await startStack(owner, { endpoint: collector.endpoint, onCluster: true });
    const cluster = [await stack.nodeUrl("operator", "redis-2"), await stack.nodeUrl("operator", "redis-5")];
    await using observer = openObserver({ cluster, namespace: "trading", log: memoryLog([]) });
    await eventually(() => conserved(observer, stack, sampleOrders), 120_000);
    assert.is((await observer.status()).partitions, 12);

    await stack.compose("kill", "redis-1"); // the first three were made the primaries
    await using client = await connectClient(`ws://${await stack.published("order-manager", 8080)}`, "ann");
    // Two symbols and more for every primary.
    const symbols = ["AAPL", "MSFT", "NVDA", "AMZN", "TSLA", "GOOG", "META", "INTC", "CSCO"];
    for (const symbol of symbols)
      client.send({
        type: "order",
        order: { id: `w-${symbol}`, symbol, side: "buy", price: "577.50", quantity: 100, orderType: "limit" },
      });
    let executed = 0;
    while (executed < 100 * symbols.length) executed += (await client.next("execution")).quantity ?? 0;
    await stack.compose("start", "redis-1");
    await eventually(() => conserved(observer, stack, sampleOrders + symbols.length), 60_000);
    const logs = await stack.compose("logs", ...components);
    assert.not.match(logs, /NOPERM/);
  },
  { component: true, timeoutMs: 330_000 },
);

containerTest(
  "the image runs as nobody special, refuses what it does not know, and hears SIGTERM before anything else is up",
  async (owner) => {
    const label = `${owner.label}=${owner.value}`;
    assert.is(await docker("image", "inspect", componentImage, "--format", "{{.Config.User}}"), "node");
    assert.match(await docker("run", "--rm", "--label", label, componentImage), /^Name what to run: order-manager, /);
    const unknown = docker("run", "--rm", "--label", label, componentImage, "sh");
    assert.match(String(await unknown.catch((error: Error) => error.message)), /Name what to run/);

    const id = await docker(
      ...["run", "--detach", "--init", "--label", label, "--env", "REDIS_URL=redis://127.0.0.1:1"],
      ...[componentImage, "algorithm"],
    );
    await eventually(async () => (await dockerWith({}, "logs", id)).stderr.includes("health is told"), 30_000);
    assert.match(await docker("exec", id, "id"), /^uid=1000\(node\)/);
    const health = docker("exec", id, "node", "docker/healthy.ts");
    assert.is(
      await health.then(
        () => "healthy",
        () => "not ready",
      ),
      "not ready",
    );
    await docker("stop", "--time", "20", id);
    assert.is(await docker("inspect", id, "--format", "{{.State.ExitCode}}"), "0");
    await docker("rm", id);
  },
  { component: true },
);
