/** Requests reach the venue in their order and under the owner's fence, whatever becomes of connections and owners. */

import * as assert from "uvu/assert";
import { RequestSession } from "../../../consumers/order-sender/request-session.ts";
import { PermanentError } from "../../../src/index.ts";
import { silentLog } from "../../../src/ports/log.ts";
import { eventually } from "../../support/eventually.ts";
import { startPipe } from "../../support/pipe.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { startHostileVenue } from "../../trading/venue/hostile-venue.ts";
import { buy, RawSession } from "../../trading/venue/session-client.ts";
import { openVenue } from "../../trading/venue/test-venue.ts";
import { startVenueProcess } from "../../trading/venue/venue-process.ts";

const fence = { epoch: 5, token: "t" };
const { signal: endless } = new AbortController();

function sessionWith(url: string): RequestSession {
  return new RequestSession({ venue: { name: "simulated", url }, client: "desk", partition: 0, log: silentLog });
}

test("is done with a request when the venue has it, and has many under way at once", async () => {
  await using traded = await openVenue({ latencyMs: 86_400_000 });
  await using session = sessionWith(traded.address.url);
  await Promise.all(Array.from({ length: 3_000 }, (_, n) => session.send(buy(`o-${n}`), fence, endless)));
  assert.is(traded.venue.totals("desk").orders, 3_000);
});

test("sends again what was not confirmed, after every cut, in its order and as the same orders", async () => {
  await using traded = await openVenue({ latencyMs: 86_400_000 });
  await using proxy = await startPipe(traded.address.url.slice("ws://".length));
  await using session = sessionWith(`ws://${proxy.address}`);
  await using reports = await RawSession.open(traded.address.url, { direction: "reports" });
  const sending: Promise<void>[] = [];
  for (let n = 0; n < 1_000; n++) {
    sending.push(session.send(buy(`o-${n}`), fence, endless));
    if (n % 250 === 100) {
      await sending[n - 50];
      proxy.cut();
    }
  }
  await Promise.all(sending);
  const accepted = (await reports.reported(1_000)).map(({ orderId }) => orderId);
  assert.equal(
    accepted,
    Array.from({ length: 1_000 }, (_, n) => `o-${n}`),
  );
});

test("waits for a venue that is away, and one that was killed has what it had confirmed", async () => {
  await using venue = await startVenueProcess(["--latency-ms", "60000"]);
  await using session = sessionWith(venue.url);
  await session.send(buy("before"), fence, endless);
  await venue.kill();
  const waiting = session.send(buy("after"), fence, endless);
  await venue.restart();
  await waiting;
  assert.is((await venue.totals("desk")).orders, 2);
});

test("a newer owner's session ends an older one's, whose requests fail", async () => {
  await using traded = await openVenue({ latencyMs: 86_400_000 });
  await using older = sessionWith(traded.address.url);
  await using newer = sessionWith(traded.address.url);
  await older.send(buy("a"), fence, endless);
  await newer.send(buy("b"), { epoch: 6, token: "u" }, endless);
  await rejects(older.send(buy("late"), fence, endless), Error, /fenced/);
  // The same process takes the partition again: its session goes on with the newer fence.
  await older.send(buy("c"), { epoch: 7, token: "v" }, endless);
  await rejects(older.send(buy("late"), fence, endless), Error, /another owner/);
  assert.is(traded.venue.totals().orders, 3);
});

test("a request that the venue will never take fails for good, and the others of its frame are taken", async () => {
  await using traded = await openVenue({ latencyMs: 86_400_000 });
  await using session = sessionWith(traded.address.url);
  const results = await Promise.allSettled(
    [buy("a"), buy("a", 7), buy("b")].map((request) => session.send(request, fence, endless)),
  );
  assert.equal(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  const [, refused] = results as [unknown, PromiseRejectedResult];
  assert.instance(refused.reason, PermanentError);
  assert.match((refused.reason as Error).message, /refuses order a: a is the id of another order/);
});

test("gives up a request when its handler must end, and closes while a venue is away", async () => {
  await using session = sessionWith("ws://127.0.0.1:1");
  const ending = new AbortController();
  const waiting = session.send(buy("a"), fence, ending.signal);
  ending.abort(new Error("the drain is over"));
  await rejects(waiting, Error, /the drain is over/);
});

test("garbage, silence and another venue's welcome end the connection, and the next one is tried", async () => {
  const welcomes: readonly object[] = [
    { venue: "other" },
    { venue: "other" },
    { requests: "many" },
    {},
    { heartbeatMs: 300 },
  ];
  let count = 0;
  await using hostile = await startHostileVenue(() => welcomes[count++] ?? {});
  await using session = sessionWith(hostile.address.url);
  const waiting = session.send(buy("a"), fence, endless);
  const fourth = await hostile.session("requests", 4);
  await eventually(() => fourth.frames.some(({ type }) => type === "requests"));
  fourth.send("no json");
  const fifth = await hostile.session("requests", 5);
  await eventually(() => fifth.frames.some(({ type }) => type === "requests"));
  // It says nothing for three heartbeats.
  const sixth = await hostile.session("requests", 6);
  await eventually(() => sixth.frames.some(({ type }) => type === "requests"));
  sixth.send({ type: "taken", requests: 1 });
  await waiting;
});
