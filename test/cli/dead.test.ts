/** `throughline dead` as a person or a script meets it. */

import * as assert from "uvu/assert";
import { HandWritten } from "../inspect/hand-written.ts";
import { type CommandEnd, runCommand } from "../support/command.ts";
import { test } from "../support/test.ts";

const run = (log: HandWritten, ...args: readonly string[]): Promise<CommandEnd> => runCommand(log, ["dead", ...args]);

/** Four orders that "algorithm" gave up: two with one code, two with another. Gives the letters' ids and the entries'. */
async function fourLetters(log: HandWritten): Promise<readonly { id: string; entryId: string }[]> {
  await log.describe(["orders"], { algorithm: "orders" });
  await log.group("orders", "algorithm");
  const letters: { id: string; entryId: string }[] = [];
  for (let n = 0; n < 4; n++) {
    const event = { id: `e-${n}`, payload: { n, symbol: "AAPL" }, baggage: `user.id=u-${n % 2}` };
    const entryId = await log.append("orders", event);
    const fields = {
      id: event.id,
      payload: JSON.stringify(event.payload),
      baggage: event.baggage,
      "dead-channel": "orders",
      "dead-entry": entryId,
      "dead-component": "algorithm",
      "dead-code": n < 2 ? "EARLY" : "LATE",
      "dead-error": `Error: no\u001b[2J ${n}`,
      "dead-attempts": "5",
      "dead-first": "1000",
      "dead-at": String(2_000 + n),
      "dead-traceparent": "",
      "dead-fields-cut": "0",
    };
    letters.push({
      id: await log.appendRaw(`${log.stream("orders")}:dead:algorithm`, fields, `${2_000 + n}-0`),
      entryId,
    });
  }
  await log.settle("orders", "algorithm", 4);
  return letters;
}

const left = (log: HandWritten): Promise<number> => log.client.xlen(`${log.stream("orders")}:dead:algorithm`);
/** What is parked, and due; the group shows the same. */
const handedBack = async (log: HandWritten): Promise<readonly string[]> => {
  const stream = log.stream("orders");
  const rows = await log.client.xpending(stream, "algorithm", "-", "+", 10, "parked");
  const shown = (rows as [string][]).map(([entryId]) => entryId);
  const due = await log.client.zrangebyscore(`${stream}:parked:algorithm`, "-inf", Date.now());
  assert.equal(due.toSorted(), shown);
  for (const entryId of due)
    assert.match((await log.client.hget(`${stream}:attempts:algorithm`, entryId)) ?? "", /^0:0:\d+$/);
  return shown;
};

test("list prints a line each, JSON lines, or counts by kind", async () => {
  await using log = new HandWritten();
  await fourLetters(log);
  const text = await run(log, "list");
  assert.equal([text.code, text.err], [0, "4 dead letters.\n"]);
  const lines = text.out.trimEnd().split("\n");
  assert.is(lines.length, 4);
  assert.match(
    lines[0] ?? "",
    /^1970-01-01T00:00:02\.000Z {2}2000-0 {2}orders → algorithm {2}e-0 {2}5× {2}EARLY {2}Error: no\\u001b/,
  );
  assert.not.match(text.out, "\u001b");
  const json = await run(log, "list", "--json", "--where", "user.id=u-1", "--code", "LATE");
  const letter = JSON.parse(json.out);
  assert.equal(
    [letter.id, letter.component, letter.event.id, letter.event.payload, letter.attempts, letter.code],
    ["2003-0", "algorithm", "e-3", { n: 3, symbol: "AAPL" }, 5, "LATE"],
  );
  const counts = await run(log, "list", "--count", "--from", "1970-01-01T00:00:02.001Z");
  assert.match(
    counts.out,
    /^2 {2}orders → algorithm {2}LATE {3}1970-01-01T00:00:02\.002Z to 1970-01-01T00:00:02\.003Z\n1 {2}orders → algorithm {2}EARLY /,
  );
  const counted = JSON.parse((await run(log, "list", "--count", "--json")).out);
  assert.equal([counted.total, counted.counts[0].count, counted.counts[0].oldestAt], [4, 2, 2_000]);
  assert.equal(await run(log, "list", "--component", "nobody"), {
    code: 1,
    out: "",
    err: "There are no such dead letters.\n",
  });
});

test("show prints everything about a letter, by any of its ids", async () => {
  await using log = new HandWritten();
  const letters = await fourLetters(log);
  for (const id of ["2001-0", `orders/${letters[1]?.entryId}`, "e-1"]) {
    const { code, out } = await run(log, "show", id);
    assert.is(code, 0);
    assert.match(out, /^Dead letter 2001-0 of orders → algorithm, partition 0\n/);
    assert.match(out, "user.id=u-1");
    assert.match(out, /payload +\{"n":1,"symbol":"AAPL"\}/);
    assert.match(out, /redrive +hands it to algorithm again/);
  }
  await log.client.xdel(log.stream("orders"), letters[1]?.entryId ?? "");
  assert.match((await run(log, "show", "e-1")).out, /redrive +left: the entry is no longer in its channel/);
  assert.is(JSON.parse((await run(log, "show", "e-1", "--json")).out).redrive, "trimmed");
  assert.equal(await run(log, "show", "nothing"), { code: 1, out: "", err: "There are no such dead letters.\n" });
});

test("redrive hands back the selected letters, once, and reports those left alone", async () => {
  await using log = new HandWritten();
  const letters = await fourLetters(log);
  const dry = await run(log, "redrive", "--all", "--dry-run");
  assert.equal([dry.code, dry.out], [0, "4 would be redriven\n"]);
  assert.equal([await left(log), await handedBack(log)], [4, []]);

  const one = await run(log, "redrive", "e-2");
  assert.equal([one.code, one.out, one.err], [0, "1 redriven\n", ""]);
  assert.equal(await handedBack(log), [letters[2]?.entryId]);
  assert.equal(await run(log, "redrive", "e-2"), { code: 1, out: "", err: "There are no such dead letters.\n" });

  await log.client.xdel(log.stream("orders"), letters[0]?.entryId ?? "");
  const rest = await run(log, "redrive", "--component", "algorithm", "--yes", "--json");
  assert.is(rest.code, 1); // one was left
  assert.equal(JSON.parse(rest.out), {
    action: "redrive",
    dryRun: false,
    matched: 3,
    outcomes: { redriven: 2, trimmed: 1 },
    left: [
      {
        id: "2000-0",
        channel: "orders",
        component: "algorithm",
        partition: 0,
        entryId: letters[0]?.entryId,
        eventId: "e-0",
        outcome: "trimmed",
      },
    ],
  });
  assert.is(await left(log), 1);
});

test("purge removes the selected letters", async () => {
  await using log = new HandWritten();
  await fourLetters(log);
  const dry = await run(log, "purge", "--code", "EARLY", "--dry-run", "--json");
  assert.equal(JSON.parse(dry.out), { action: "purge", dryRun: true, matched: 2, outcomes: { purged: 2 }, left: [] });
  assert.is(await left(log), 4);
  assert.equal(await run(log, "purge", "--code", "EARLY", "-y"), { code: 0, out: "2 purged\n", err: "" });
  assert.equal(await run(log, "purge", "2002-0"), { code: 0, out: "1 purged\n", err: "" });
  assert.is(await left(log), 1);
  assert.equal(await handedBack(log), []);
});

test("changes many letters only after a yes, and all letters only with an explicit option", async () => {
  await using log = new HandWritten();
  await fourLetters(log);
  const wrong: readonly [readonly string[], RegExp][] = [
    [["redrive"], /say which dead letters to redrive/],
    [["purge"], /say which dead letters to purge/],
    [["purge", "--all"], /this would purge 4 dead letters: add --yes/],
    [["redrive", "--code", "LATE"], /this would redrive 2 dead letters: add --yes/],
    [["redrive", "--where", "user"], /name=value/],
    [["list", "--from", "yesterday"], /entry id/],
    [["show"], /missing required argument/],
    [["shred"], /unknown command/],
  ];
  const results = await Promise.all(wrong.map(async ([args, text]) => ({ args, text, ...(await run(log, ...args)) })));
  for (const { args, text, code, out, err } of results) {
    assert.equal([code, out], [2, ""], `${args.join(" ")}: ${err}`);
    assert.match(err, text);
    assert.is(err.trimEnd().split("\n").length, 1, err);
  }
  assert.equal([await left(log), await handedBack(log)], [4, []]);
});

test("a person at a terminal is asked before many letters are changed, and only a yes changes them", async () => {
  await using log = new HandWritten();
  await fourLetters(log);
  const ask = (...answers: readonly string[]): Promise<CommandEnd> =>
    runCommand(log, ["dead", "purge", "--code", "EARLY"], { answers });
  for (const answer of ["n", "", "yess"]) {
    const { code, out, err } = await ask(answer);
    assert.equal([code, out], [1, ""], answer);
    assert.match(err, /2 {2}orders → algorithm {2}EARLY .*Purge 2 dead letters\? \[y\/N\] .*Nothing was done\.\n$/s);
    assert.is(await left(log), 4);
  }
  const yes = await ask("Yes");
  assert.equal([yes.code, yes.out], [0, "2 purged\n"]);
  assert.is(await left(log), 2);
});

test("a Redis that is away is one line and exit code 1", async () => {
  await using log = new HandWritten();
  const { code, out, err } = await run(log, "purge", "--all", "--yes", "--url", "redis://user:secret@127.0.0.1:1");
  assert.equal([code, out, err.split("\n").length], [1, "", 2]);
  assert.match(err, /^Redis at 127\.0\.0\.1:1 does not answer/);
});
