/** A journey tells the story of one order and of no other, with each component's progress. */

import * as assert from "uvu/assert";
import { openObserver } from "../../src/composition/observer.ts";
import type { Journey } from "../../src/inspect/journey/journey.ts";
import { renderJourney } from "../../src/inspect/journey/journey-text.ts";
import type { JourneyNode } from "../../src/inspect/journey-tree.ts";
import { ConfigError } from "../../src/model/errors.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { HandWritten } from "./hand-written.ts";

const channels = ["client-orders", "exchange-orders", "fills", "executions"];
const t0 = 1_700_000_000_000;

/** Orders a, b and c of three users netted into one exchange order, filled twice, each fill shared out among the three. */
async function nettedOrders(log: HandWritten): Promise<void> {
  await log.describe(channels, { algorithm: "client-orders,fills" });
  for (const [i, order] of ["a", "b", "c"].entries()) {
    const baggage = `user.id=u%3A${order},client.order_id=${order}`;
    await log.append(
      "client-orders",
      { id: `order-${order}`, key: "AAPL", payload: { id: order, userId: `u:${order}` }, baggage },
      `${t0}-${i}`,
    );
  }
  const all = ["order-a", "order-b", "order-c"];
  const netted = "user.id=u%3Aa|u%3Ab|u%3Ac,client.order_id=a|b|c";
  await log.append("exchange-orders", { id: "x-1", causes: all, baggage: netted }, `${t0 + 4}-0`);
  for (const [i, fill] of ["f-1", "f-2"].entries()) {
    await log.append("fills", { id: fill, causes: ["x-1"], baggage: netted }, `${t0 + 10 * (i + 1)}-0`);
    for (const [j, order] of ["a", "b", "c"].entries()) {
      const baggage = `user.id=u%3A${order},client.order_id=${order}`;
      await log.append(
        "executions",
        { id: `e-${fill}-${order}`, causes: [fill, `order-${order}`], baggage },
        `${t0 + 10 * (i + 1) + 3}-${j}`,
      );
    }
  }
}

function outline(node: JourneyNode): string {
  return node.children.length === 0 ? node.event.id : `${node.event.id}(${node.children.map(outline).join(" ")})`;
}

function outlines(journey: Journey): readonly string[] {
  return journey.beginnings.map(outline);
}

test("follows one order through the exchange order that it was netted into, without the others' executions", async () => {
  await using log = new HandWritten();
  await nettedOrders(log);
  await using observer = openObserver(log);
  for (const query of [
    "order-b",
    "client.order_id=b",
    "user.id=u:b",
    "payload.userId=u:b",
    "id=order-b",
    `client-orders/${t0}-1`,
  ]) {
    const journey = await observer.journey(query);
    assert.equal(outlines(journey), ["order-b(x-1(f-1(e-f-1-b) f-2(e-f-2-b)))"], query);
    assert.is(journey.leftOut, 4, query);
    assert.is(journey.events, 6, query);
    assert.is(journey.durationMs, 23, query);
  }
});

test("leaves out a fill of which nothing went to the order, once it is shared out", async () => {
  await using log = new HandWritten();
  await nettedOrders(log);
  await log.append("fills", { id: "f-3", causes: ["x-1"] }, `${t0 + 40}-0`);
  await using observer = openObserver(log);
  assert.equal(outlines(await observer.journey("order-a")), ["order-a(x-1(f-1(e-f-1-a) f-2(e-f-2-a) f-3))"]);
  await log.append("executions", { id: "e-f-3-c", causes: ["f-3", "order-c"] }, `${t0 + 43}-0`);
  const journey = await observer.journey("order-a");
  assert.equal(outlines(journey), ["order-a(x-1(f-1(e-f-1-a) f-2(e-f-2-a)))"]);
  assert.is(journey.leftOut, 6);
  assert.equal(outlines(await observer.journey("order-c")), ["order-c(x-1(f-1(e-f-1-c) f-2(e-f-2-c) f-3(e-f-3-c)))"]);
});

test("gives the time of each step since the one before and since the beginning", async () => {
  await using log = new HandWritten();
  await nettedOrders(log);
  await using observer = openObserver(log);
  const [order] = (await observer.journey("order-a")).beginnings;
  const fill = order?.children[0]?.children[1];
  assert.is(fill?.event.id, "f-2");
  assert.is(fill?.sinceParentMs, 16);
  assert.is(fill?.sinceBeginningMs, 20);
  assert.is(fill?.children[0]?.sinceParentMs, 3);
});

test("shows the ancestors and the descendants of an event in the middle", async () => {
  await using log = new HandWritten();
  await nettedOrders(log);
  await using observer = openObserver(log);
  const ofFill = await observer.journey("f-2");
  assert.equal(outlines(ofFill), ["order-a(x-1(f-2(e-f-2-a e-f-2-b e-f-2-c)))", "order-b", "order-c"]);
  assert.is(ofFill.leftOut, 0);
  const ofExecution = await observer.journey("e-f-1-c");
  assert.equal(outlines(ofExecution), ["order-c(x-1(f-1(e-f-1-c)))"]);
  const node = ofExecution.beginnings[0]?.children[0]?.children[0]?.children[0];
  assert.ok(node?.asked);
  assert.equal(node?.otherCauses, ["order-c"]);
});

test("finds children whose ids precede their parents' within a millisecond", async () => {
  await using log = new HandWritten();
  await log.describe(["a", "b", "c"]);
  await log.append("c", { id: "root", baggage: "client.order_id=1" }, `${t0}-9`);
  await log.append("b", { id: "child", causes: ["root"], baggage: "client.order_id=1" }, `${t0}-4`);
  await log.append("a", { id: "grandchild", causes: ["child"], baggage: "client.order_id=1" }, `${t0}-1`);
  await using observer = openObserver(log);
  for (const query of ["root", "grandchild", "client.order_id=1"]) {
    assert.equal(outlines(await observer.journey(query)), ["root(child(grandchild))"], query);
  }
});

test("does not take a netted order for a beginning, though it carries all baggage and precedes the client orders", async () => {
  await using log = new HandWritten();
  await log.describe(channels);
  await log.append("exchange-orders", { id: "x", causes: ["a", "b"], baggage: "client.order_id=a|b" }, `${t0}-0`);
  await log.append("client-orders", { id: "a", baggage: "client.order_id=a" }, `${t0}-5`);
  await log.append("client-orders", { id: "b", baggage: "client.order_id=b" }, `${t0}-6`);
  await using observer = openObserver(log);
  assert.equal(outlines(await observer.journey("client.order_id=b")), ["b(x)"]);
});

test("finds a child that a clock set back has placed before its parent", async () => {
  await using log = new HandWritten();
  await log.describe(["late", "early"]);
  await log.append("late", { id: "root" }, `${t0 + 900}-0`);
  await log.append("early", { id: "child", causes: ["root"] }, `${t0 + 100}-0`);
  await log.append("early", { id: "grandchild", causes: ["child"] }, `${t0 + 100}-1`);
  await using observer = openObserver(log);
  assert.equal(outlines(await observer.journey("root")), ["root(child(grandchild))"]);
});

test("gives each component's progress with each event", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"], { settled: "orders", behind: "orders", busy: "orders" });
  const ids = [];
  for (const id of ["o-1", "o-2", "o-3", "o-4"]) ids.push(await log.append("orders", { id, baggage: "user.id=u" }));
  const [, second = "", third = ""] = ids;
  await log.group("orders", "settled");
  await log.settle("orders", "settled", 4); // by no owner of ours: the group alone tells
  await log.row("behind", { orders: { at: ids[0] ?? "" } });
  await log.group("orders", "busy", ids[3]);
  await log.row("busy", { orders: { at: ids[3] ?? "", open: `${ids[0]} !${third}` } }, { owner: "member-7/token" });
  const stream = log.stream("orders");
  const dueAt = (await log.serverTime()) + 60_000;
  await log.park("orders", "busy", second, dueAt, "2:0:1");
  await log.client.hset(`${stream}:attempts:busy`, third, `3:0:1:${dueAt}`); // its key waits for it
  const dead = {
    "dead-channel": "orders",
    "dead-entry": ids[3] ?? "",
    "dead-code": "THROUGHLINE_PERMANENT",
    "dead-error": "no such symbol",
    "dead-attempts": "5",
    "dead-at": "1700000000001",
  };
  const deadLetterId = await log.appendRaw(`${stream}:dead:busy`, { id: "o-4", payload: "{}", ...dead });

  await using observer = openObserver(log);
  const journey = await observer.journey("user.id=u");
  const states = journey.beginnings.map(({ standings }) => Object.fromEntries(standings.map((s) => [s.component, s])));
  assert.equal(
    states.map((state) => state["settled"]?.state),
    ["settled", "settled", "settled", "settled"],
  );
  assert.equal(
    states.map((state) => state["behind"]?.state),
    ["settled", "unread", "unread", "unread"],
  );
  const [pending, parked, blocked, dead4] = states.map((state) => state["busy"]);
  assert.equal(pending, { component: "busy", state: "pending", member: "member-7", attempt: 1, dueAt: null });
  assert.equal(parked, { component: "busy", state: "parked", attempt: 2, dueAt });
  assert.equal(blocked, { component: "busy", state: "pending", member: "member-7", attempt: 3, dueAt });
  assert.equal(dead4, {
    component: "busy",
    state: "dead",
    deadLetterId,
    code: "THROUGHLINE_PERMANENT",
    error: "no such symbol",
    attempts: 5,
    at: 1_700_000_000_001,
  });
  const text = renderJourney(journey);
  assert.match(text, /busy: pending on member member-7, attempt 1\b/);
  assert.match(text, /busy: pending on member member-7, attempt 3, due in \d/);
  assert.match(text, /busy: parked after attempt 2, due in \d/);
  assert.match(text, /DEAD LETTER .* after 5 attempts: THROUGHLINE_PERMANENT no such symbol/);
  assert.match(text, /6 deliveries not settled yet\.\n1 dead letter\./);
});

test("draws the tree", async () => {
  await using log = new HandWritten();
  await nettedOrders(log);
  await log.group("client-orders", "algorithm");
  await log.settle("client-orders", "algorithm", 3);
  await using observer = openObserver(log);
  const text = renderJourney(await observer.journey("client.order_id=b"));
  assert.is(
    text,
    `client.order_id=b: 6 events in 23 ms

2023-11-14T22:13:20.000Z  client-orders  order-b  ◀  → algorithm settled
│  {"id":"b","userId":"u:b"}
└─ +4 ms  exchange-orders  x-1  and from 2 others
   │  {"id":"x-1"}
   ├─ +6 ms  fills  f-1
   │  │  {"id":"f-1"}
   │  └─ +3 ms  executions  e-f-1-b  and from order-b
   │        {"id":"e-f-1-b"}
   └─ +16 ms  fills  f-2
      │  {"id":"f-2"}
      └─ +3 ms  executions  e-f-2-b  and from order-b
            {"id":"e-f-2-b"}

Every component has settled its part.
4 events of others left out, whose orders were handled together with this one.`,
  );
});

test("names an event that was appended twice", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  await log.append("orders", { id: "same" }, "1000-0");
  await log.append("orders", { id: "same" }, "1001-0");
  await using observer = openObserver(log);
  const journey = await observer.journey("same");
  assert.equal(
    journey.beginnings.map((node) => node.copies),
    [["orders/1001-0"]],
  );
  assert.match(renderJourney(journey), /ALSO APPENDED AS orders\/1001-0/);
});

test("follows as many matches as asked for and counts the rest", async () => {
  await using log = new HandWritten();
  await log.describe(["orders", "outputs"]);
  for (let i = 0; i < 5; i++) {
    await log.append("orders", { id: `o-${i}`, baggage: "user.id=u" }, `${2000 + 10 * i}-0`);
    await log.append("outputs", { id: `out-${i}`, causes: [`o-${i}`], baggage: "user.id=u" }, `${2001 + 10 * i}-0`);
  }
  await using observer = openObserver(log);
  const journey = await observer.journey("user.id=u", { maxMatches: 2 });
  assert.equal(outlines(journey), ["o-0(out-0)", "o-1(out-1)"]);
  assert.is(journey.moreMatches, 3);
  assert.equal(outlines(await observer.journey("user.id=u", { from: "2040" })), ["o-4(out-4)"]);
});

test("survives entries that are no events and causes that run in a circle", async () => {
  await using log = new HandWritten();
  await log.describe(["orders"]);
  await log.appendRaw(log.stream("orders"), { nonsense: "\u001b[2Jx" }, "1000-0");
  await log.append("orders", { id: "x", causes: ["y"] }, "1001-0");
  await log.append("orders", { id: "y", causes: ["x", "y"] }, "1002-0");
  await using observer = openObserver(log);
  assert.is((await observer.journey("x")).events, 2);
  const unreadable = renderJourney(await observer.journey("orders/1000-0"));
  assert.match(unreadable, 'no field "payload"');
  assert.not.match(unreadable, "\u001b");
});

test("finds only related events among thousands of other orders", async () => {
  await using log = new HandWritten();
  await log.describe(channels);
  const pipeline = log.client.pipeline();
  const append = (channel: string, id: string, causes: string, at: string): void => {
    pipeline.xadd(
      log.stream(channel),
      at,
      "id",
      id,
      "time",
      "1",
      "key",
      "",
      "payload",
      "{}",
      "traceparent",
      "",
      "tracestate",
      "",
      "baggage",
      "",
      "causes",
      causes,
    );
  };
  for (let i = 0; i < 5_000; i++) {
    append("client-orders", `o-${i}`, "", `${t0 + i}-0`);
    append("exchange-orders", `x-${i}`, `o-${i}`, `${t0 + i + 1}-0`);
    append("fills", `f-${i}`, `x-${i}`, `${t0 + i + 3_000}-0`);
  }
  await pipeline.exec();
  await using observer = openObserver(log);
  assert.equal(outlines(await observer.journey("o-1234")), ["o-1234(x-1234(f-1234))"]);
  assert.equal(outlines(await observer.journey("f-4999")), ["o-4999(x-4999(f-4999))"]);
});

test("finds nothing where nothing matches, and refuses a namespace that nothing has used", async () => {
  await using log = new HandWritten();
  await using observer = openObserver(log);
  await rejects(observer.journey("anything"), ConfigError, /nothing has used namespace/);
  await log.describe(["orders"]);
  const journey = await observer.journey("anything");
  assert.is(journey.events, 0);
  assert.match(renderJourney(journey), /No event in namespace ".*" matches anything\./);
});
