/** The venue as a process: killed at any moment, it knows all that it has acknowledged. */

import * as assert from "uvu/assert";
import type { VenueTotals } from "../../../trading/domain/venue.ts";
import { eventually } from "../../support/eventually.ts";
import { type StartedProcess, startProcess } from "../../support/process.ts";
import { test } from "../../support/test.ts";
import { sum } from "../orders-of.ts";
import { type Directory, venueDirectory } from "./directory.ts";
import { buy, RawSession } from "./session-client.ts";

function start({ path }: Directory, ...args: readonly string[]): StartedProcess {
  return startProcess("trading/venue/main.ts", ["--data", path, "--port", "0", ...args], {
    env: { LOG_LEVEL: "info" },
  });
}

async function urlOf(process: StartedProcess): Promise<string> {
  return /ws:[^"]+/.exec(await process.line("the venue takes orders"))?.[0] ?? "";
}

async function totalsOf(url: string): Promise<VenueTotals> {
  return (await (await fetch(`${url.replace("ws", "http")}/totals`)).json()) as VenueTotals;
}

test(
  "killed under load again and again, it has every order that it took, reports each share once, and ends with 0 when asked to",
  async () => {
    await using directory = await venueDirectory();
    /** Ids that the venue said were on its disk, and those that were sent and may be. */
    const taken = new Set<string>();
    const sent = new Set<string>();
    for (let round = 0; round < 4; round++) {
      await using venue = start(directory, "--latency-ms", "3", "--reject-rate", "0.1");
      await using session = await RawSession.open(await urlOf(venue));
      const first = session.welcome.requests + 1;
      assert.ok(session.welcome.requests >= taken.size);
      const ids = Array.from({ length: 400 }, (_, n) => `o-${round}-${n}`);
      for (const [n, id] of ids.entries()) {
        sent.add(id);
        session.requests(first + n, buy(id, 50));
        if (n % 20 === 0) await new Promise((next) => setImmediate(next));
      }
      await session.taken(first + 99);
      venue.kill();
      await venue.ended;
      const upTo = Math.max(...session.of("taken").map(({ requests }) => requests));
      for (const id of ids.slice(0, upTo - first + 1)) taken.add(id);
    }
    await using venue = start(directory, "--latency-ms", "3");
    const url = await urlOf(venue);
    await eventually(async () => (await totalsOf(url)).open === 0);
    const { orders, ordered, filled, rejected } = await totalsOf(url);
    assert.ok(orders >= taken.size && orders <= sent.size);
    assert.is(filled + rejected, ordered);
    await using reports = await RawSession.open(url, { direction: "reports" });
    const all = await reports.reported(reports.welcome.reports);
    const done = new Map<string, number>();
    for (const one of all) {
      if (one.kind !== "filled" && one.kind !== "rejected") continue;
      done.set(one.orderId, (done.get(one.orderId) ?? 0) + one.quantity);
    }
    for (const id of taken) assert.is(done.get(id), 50, id);
    assert.is(sum([...done.values()]), ordered);
    assert.is(new Set(all.map(({ id }) => id)).size, all.length);
    venue.kill("SIGTERM");
    assert.equal(await venue.ended, { code: 0, signal: null });
  },
  { timeoutMs: 120_000 },
);

test("ends with 2 and one line on options that cannot work, and on a journal that is damaged", async () => {
  await using directory = await venueDirectory();
  for (const [args, line] of [
    [["--name", "No!"], /is no name of a venue/],
    [["--reject-rate", "2"], /--reject-rate/],
    [["--heartbeat-ms", "1"], /heartbeatMs is 1/],
    [["surplus"], /too many arguments/],
    [["--host", "256.1.1.1"], /cannot listen/],
  ] as const) {
    await using venue = start(directory, ...args);
    assert.is((await venue.ended).code, 2, args.join(" "));
    assert.match(venue.lines.filter((one) => !one.includes("has read its journal")).join("\n"), line);
  }
});
