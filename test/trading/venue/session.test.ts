/** The venue's sessions: numbers in both directions, fences, resumption, and what is refused. */

import { once } from "node:events";
import * as assert from "uvu/assert";
import { WebSocket } from "ws";
import { silentLog } from "../../../src/ports/log.ts";
import type { VenueReport } from "../../../trading/domain/venue.ts";
import { startVenue, type Venue, type VenueOptions } from "../../../trading/venue/venue.ts";
import { eventually } from "../../support/eventually.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { sum } from "../orders-of.ts";
import { type Directory, venueDirectory } from "./directory.ts";
import { buy, RawSession } from "./session-client.ts";

const never = { latencyMs: 86_400_000 };

function reasonOf(report: VenueReport | undefined): string | undefined {
  return report !== undefined && "reason" in report ? report.reason : undefined;
}

async function withVenue(
  options: Partial<VenueOptions>,
  run: (venue: Venue, directory: Directory) => Promise<void>,
): Promise<void> {
  await using directory = await venueDirectory();
  await using venue = await startVenue({ directory: directory.path, port: 0, log: silentLog, ...options });
  await run(venue, directory);
}

test("takes orders, says that they are on its disk, and fills them in parts", async () => {
  await withVenue({ latencyMs: 2 }, async (venue) => {
    await using requests = await RawSession.open(venue.url);
    await using reports = await RawSession.open(venue.url, { direction: "reports" });
    assert.equal([requests.welcome.requests, requests.welcome.reports, requests.welcome.venue], [0, 0, "simulated"]);
    requests.requests(1, buy("a", 900), buy("b", 300));
    await requests.taken(2);
    await eventually(() => venue.totals().open === 0);
    const all = await reports.reported(4);
    await eventually(() => reports.reports().some(({ orderId, open }) => orderId === "b" && open === 0));
    const filled = (id: string): number =>
      sum(reports.reports().map((one) => (one.kind === "filled" && one.orderId === id ? one.quantity : 0)));
    assert.equal(
      all.slice(0, 2).map(({ kind, orderId }) => [kind, orderId]),
      [
        ["accepted", "a"],
        ["accepted", "b"],
      ],
    );
    assert.equal([filled("a"), filled("b")], [900, 300]);
    const { orders, ordered, filled: total, fills } = venue.totals("desk");
    assert.equal([orders, ordered, total], [2, 1_200, 1_200]);
    assert.ok(fills >= 2);
  });
});

test("an order and a cancel that are sent again are the same ones; the id of another order is refused for ever", async () => {
  await withVenue(never, async (venue) => {
    await using requests = await RawSession.open(venue.url);
    const cancel = { kind: "cancel", cancelId: "c", orderId: "a", quantity: 30 };
    requests.requests(1, buy("a"), buy("a"), cancel, cancel, buy("a", 101));
    const taken = await eventually(() => requests.of("taken").find((frame) => frame.requests >= 5));
    assert.equal(taken.refused, [
      { request: 5, reason: "a is the id of another order, which the venue has taken before" },
    ]);
    const { orders, ordered, open, cancelled } = venue.totals();
    assert.equal([orders, ordered, open, cancelled], [1, 100, 70, 30]);
  });
});

test("cancels what is open, and says clearly what it cannot cancel", async () => {
  await withVenue(never, async (venue) => {
    await using requests = await RawSession.open(venue.url);
    await using foreign = await RawSession.open(venue.url, { client: "other" });
    await using reports = await RawSession.open(venue.url, { direction: "reports" });
    await using answers = await RawSession.open(venue.url, { client: "other", direction: "reports" });
    requests.requests(1, buy("a"));
    await requests.taken(1);
    foreign.requests(1, { kind: "cancel", cancelId: "c", orderId: "a" });
    const [unknown] = await answers.reported(1);
    assert.equal([unknown?.kind, reasonOf(unknown)], ["cancelRejected", "the venue has no such order"]);
    requests.requests(2, { kind: "cancel", cancelId: "c", orderId: "a" });
    requests.requests(3, { kind: "cancel", cancelId: "d", orderId: "a" });
    const [, cancelled, rejected] = await reports.reported(3);
    assert.equal(cancelled, { ...cancelled, kind: "cancelled", cancelId: "c", quantity: 100, open: 0 });
    assert.equal([rejected?.kind, reasonOf(rejected)], ["cancelRejected", "nothing of the order is open any more"]);
  });
});

test("a market order takes what is there at its price or better, and never rests", async () => {
  await withVenue(never, async (venue) => {
    await using requests = await RawSession.open(venue.url);
    requests.requests(1, buy("resting", 40, { side: "sell", price: "9.5" }));
    const orders = Array.from({ length: 40 }, (_, n) => buy(`m-${n}`, 100, { orderType: "market" }));
    requests.requests(2, ...orders);
    await requests.taken(41);
    const { open, cancelled, filled } = venue.totals();
    assert.is(open, 0);
    assert.ok(cancelled > 0 && filled > 1_000, `${cancelled} and ${filled}`);
  });
});

test("what rests expires when it says so, and when the venue does", async () => {
  await withVenue({ ...never, expireAfterMs: 30 }, async (venue) => {
    await using requests = await RawSession.open(venue.url);
    await using reports = await RawSession.open(venue.url, { direction: "reports" });
    requests.requests(
      1,
      buy("by the venue".replaceAll(" ", "-")),
      buy("by-itself", 50, { expiresAt: Date.now() + 10 }),
    );
    const all = await reports.reported(4);
    assert.equal(
      all
        .slice(2)
        .map(({ kind, orderId }) => [kind, orderId])
        .toSorted(),
      [
        ["cancelled", "by-itself"],
        ["cancelled", "by-the-venue"],
      ],
    );
  });
});

test("goes on from any report, also after the venue has ended and started again", async () => {
  await using directory = await venueDirectory();
  const options = { directory: directory.path, port: 0, log: silentLog, latencyMs: 1 };
  let journal = "";
  let before: readonly unknown[] = [];
  {
    await using venue = await startVenue(options);
    await using requests = await RawSession.open(venue.url);
    await using reports = await RawSession.open(venue.url, { direction: "reports" });
    requests.requests(1, ...Array.from({ length: 50 }, (_, n) => buy(`o-${n}`)));
    await requests.taken(50);
    await eventually(() => venue.totals().open === 0);
    ({ journal } = reports.welcome);
    const count = venue.totals().fills + 50;
    before = await reports.reported(count);
    for (const from of [1, 2, 51, count, count + 1]) {
      await using later = await RawSession.open(venue.url, { direction: "reports", from, journal });
      assert.equal(await later.reported(count + 1 - from, from), before.slice(from - 1));
    }
  }
  await using venue = await startVenue(options);
  await using reports = await RawSession.open(venue.url, { direction: "reports", from: 7, journal });
  assert.equal(await reports.reported(before.length - 6, 7), before.slice(6));
  await using requests = await RawSession.open(venue.url);
  assert.is(requests.welcome.requests, 50);
});

test("the session of a newer fence ends the older one's, and an older fence or another token is refused, also after a restart", async () => {
  await using directory = await venueDirectory();
  const options = { directory: directory.path, port: 0, log: silentLog, ...never };
  const refusedAs = async (venue: Venue, hello: object, code: string): Promise<void> => {
    await using session = await RawSession.connect(venue.url);
    session.hello(hello);
    assert.is((await session.first("refused")).code, code);
    assert.is((await session.closed).reason, code);
  };
  const older = { fence: { epoch: 6, token: "x" } };
  const another = { fence: { epoch: 7, token: "y" } };
  {
    await using venue = await startVenue(options);
    await using first = await RawSession.open(venue.url, older);
    await using same = await RawSession.open(venue.url, older);
    assert.is((await first.closed).code, 4409);
    await using newer = await RawSession.open(venue.url, { fence: { epoch: 7, token: "x" } });
    assert.is((await same.closed).code, 4403);
    same.requests(1, buy("late"));
    newer.requests(1, buy("a"));
    await newer.taken(1);
    await refusedAs(venue, older, "fenced");
    await refusedAs(venue, another, "fenced");
    // The other direction and the other partitions have fences of their own.
    await using _reports = await RawSession.open(venue.url, { ...older, direction: "reports" });
    await using _partition = await RawSession.open(venue.url, { ...older, partition: 1 });
    assert.is(venue.totals().orders, 1);
  }
  await using venue = await startVenue(options);
  await refusedAs(venue, older, "fenced");
  await refusedAs(venue, another, "fenced");
});

test("a gap, a session from the future and another journal's are refused by name", async () => {
  await withVenue(never, async (venue) => {
    await using gap = await RawSession.open(venue.url);
    gap.requests(1, buy("a"));
    gap.requests(3, buy("c"));
    assert.equal((await gap.first("refused")).code, "gap");
    assert.is((await gap.closed).code, 4416);
    // What came twice is no gap.
    await using again = await RawSession.open(venue.url);
    assert.is(again.welcome.requests, 1);
    again.requests(1, buy("a"), buy("b"));
    await again.taken(2);
    assert.is(venue.totals().orders, 2);
    for (const [hello, code] of [
      [{ direction: "reports", from: 4 }, "future"],
      [{ direction: "reports", journal: "another" }, "journal"],
      [{ partition: 3, from: 2, direction: "reports" }, "future"],
    ] as const) {
      await using session = await RawSession.connect(venue.url);
      session.hello(hello);
      assert.is((await session.first("refused")).code, code);
    }
  });
});

test("garbage ends its connection with a reason, and nothing else", async () => {
  await withVenue(never, async (venue) => {
    await using good = await RawSession.open(venue.url, { client: "good" });
    const frames: readonly (string | Buffer)[] = [
      "no json",
      "[]",
      "null",
      '{"type":"what"}',
      '{"type":"hello","protocol":1}',
      '{"type":"hello","protocol":2,"client":"a","partition":0,"direction":"requests","fence":{"epoch":1,"token":"t"}}',
      '{"type":"hello","protocol":1,"client":"a","partition":-1,"direction":"requests","fence":{"epoch":1,"token":"t"}}',
      '{"type":"requests","first":1,"requests":[{}]}',
      '{"type":"heartbeat","__proto__":{"x":1}}',
      Buffer.from([1, 2, 3]),
    ];
    for (const frame of frames) {
      await using session = await RawSession.connect(venue.url);
      session.socket.send(frame);
      assert.is((await session.first("refused")).code, "garbage", String(frame));
      assert.is((await session.closed).code, 4400);
    }
    await using oversize = await RawSession.open(venue.url, { client: "big" });
    oversize.socket.send("x".repeat(1_100_000));
    assert.is((await oversize.closed).code, 1009);
    await using twice = await RawSession.open(venue.url, { client: "twice" });
    twice.hello();
    assert.is((await twice.first("refused")).reason, "a connection says hello once");
    good.requests(1, buy("a"));
    await good.taken(1);
  });
});

test("a request that is none is refused by its number, and the others of its frame are taken", async () => {
  await withVenue(never, async (venue) => {
    await using session = await RawSession.open(venue.url);
    session.requests(
      1,
      buy("a"),
      { ...buy("b"), price: 10 },
      { kind: "cancel" },
      { ...buy("d"), more: 1 },
      buy("e", 0),
      buy("f"),
    );
    const taken = await eventually(() => session.of("taken").find(({ requests }) => requests >= 6));
    assert.equal(
      taken.refused?.map(({ request }) => request),
      [2, 3, 4, 5],
    );
    assert.match(taken.refused?.[0]?.reason ?? "", /price must be a decimal string/);
    assert.is(venue.totals().orders, 2);
  });
});

test("a client that falls silent is cut, and one that only beats is not", async () => {
  await withVenue({ ...never, heartbeatMs: 400 }, async (venue) => {
    await using silent = await RawSession.open(venue.url);
    await using beats = await RawSession.open(venue.url, { partition: 1 });
    const beating = setInterval(() => beats.send({ type: "heartbeat" }), 100);
    try {
      assert.is((await silent.first("refused")).code, "silent");
      await silent.closed;
      assert.is((await beats.first("heartbeat")).reports, 0);
      assert.is(beats.socket.readyState, WebSocket.OPEN);
    } finally {
      clearInterval(beating);
    }
  });
});

test("tells its totals over HTTP, and lets no page connect", async () => {
  await withVenue(never, async (venue) => {
    await using session = await RawSession.open(venue.url);
    session.requests(1, buy("a"));
    await session.taken(1);
    const http = venue.url.replace("ws", "http");
    const totals = (await (await fetch(`${http}/totals?client=desk`)).json()) as object;
    assert.equal({ ...totals, journal: "" }, { venue: "simulated", journal: "", reports: 1, ...venue.totals("desk") });
    assert.is((await fetch(`${http}/`)).status, 426);
    const page = new WebSocket(venue.url, { origin: "https://example.com" });
    const [error] = (await once(page, "error")) as [Error];
    assert.match(error.message, "403");
  });
});

test("two venues do not share a directory", async () => {
  await withVenue(never, async (_, directory) => {
    await rejects(
      startVenue({ directory: directory.path, port: 0, log: silentLog }),
      Error,
      /another venue keeps its journal/,
    );
  });
});
