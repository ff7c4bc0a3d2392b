/** The history checker finds each kind of wrong in a history, exactly that, and nothing in one that is right. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { on } from "../../src/index.ts";
import { open, things } from "../support/backbone.ts";
import { startProcess } from "../support/process.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { checkHistory, type ViolationKind } from "./check.ts";
import { collectHistory, writeFacts } from "./collect.ts";
import { type Fact, type FactOf, HistoryError, parseFacts } from "./history.ts";

/** Six events of two keys through one component with state and an output each, and three books that agree. */
function right(): Fact[] {
  const facts: Fact[] = [
    { fact: "flow", component: "c", from: "in", to: "out", counter: "counts", order: "outputs" },
    ...[1, 2, 3, 4, 5, 6].map(publish),
    ...[1, 2, 3, 4, 5, 6].map(handled),
    ...[1, 2, 3, 4, 5, 6].map(input),
    ...[1, 2, 3, 4, 5, 6].map(output),
    ...[1, 2, 3, 4, 5, 6].map((n) => settlement(n, "acked")),
    { fact: "counter", component: "c", counter: "counts", value: 2 },
    { fact: "counter", component: "c", counter: "counts", value: 4 },
    { fact: "quantity", book: "client orders", order: "a", ordered: 10, executed: 7, rejected: 3 },
    { fact: "quantity", book: "client orders", order: "b", ordered: 5, executed: 5, rejected: 0 },
    { fact: "quantity", book: "exchange", order: "", ordered: 15, executed: 12, rejected: 3 },
    { fact: "end", drained: true },
  ];
  return facts;
}

const keyOf = (n: number): string => (n % 2 === 0 ? "even" : "odd");
const publish = (n: number): FactOf<"publish"> => ({
  fact: "publish",
  producer: "p",
  channel: "in",
  id: `e${n}`,
  key: keyOf(n),
  outcome: "acked",
  entryId: `${n}-0`,
});
const input = (n: number): FactOf<"entry"> => ({
  fact: "entry",
  channel: "in",
  partition: 0,
  entryId: `${n}-0`,
  id: `e${n}`,
  key: keyOf(n),
  causes: [],
});
const output = (n: number): FactOf<"entry"> => ({
  fact: "entry",
  channel: "out",
  partition: 0,
  entryId: `${n + 10}-0`,
  id: `o${n}`,
  key: "",
  causes: [`e${n}`],
});
const handled = (n: number): FactOf<"handled"> => ({
  fact: "handled",
  component: "c",
  member: "m",
  channel: "in",
  entryId: `${n}-0`,
  id: `e${n}`,
  key: keyOf(n),
});
const settlement = (n: number, state: FactOf<"settlement">["state"]): FactOf<"settlement"> => ({
  fact: "settlement",
  component: "c",
  channel: "in",
  partition: 0,
  entryId: `${n}-0`,
  id: `e${n}`,
  state,
});

/** A way to change a history that is right. */
class Edit {
  facts = right();

  without(matches: (fact: Fact) => boolean): this {
    this.facts = this.facts.filter((fact) => !matches(fact));
    return this;
  }

  with(...added: readonly Fact[]): this {
    this.facts = [...added, ...this.facts];
    return this;
  }

  /** At the place of what the new fact stands for. */
  replace(matches: (fact: Fact) => boolean, by: (fact: Fact) => Fact): this {
    this.facts = this.facts.map((fact) => (matches(fact) ? by(fact) : fact));
    return this;
  }

  swap(one: (fact: Fact) => boolean, other: (fact: Fact) => boolean): this {
    const [a, b] = [this.facts.findIndex(one), this.facts.findIndex(other)];
    const [first, second] = [this.facts[a] as Fact, this.facts[b] as Fact];
    this.facts[a] = second;
    this.facts[b] = first;
    return this;
  }
}

const isPublish = (n: number) => (fact: Fact) => fact.fact === "publish" && fact.id === `e${n}`;
const isEntry = (id: string) => (fact: Fact) => fact.fact === "entry" && fact.id === id;
const isSettlement = (n: number) => (fact: Fact) => fact.fact === "settlement" && fact.id === `e${n}`;
const isHandled = (n: number) => (fact: Fact) => fact.fact === "handled" && fact.id === `e${n}`;
const outcome =
  (value: FactOf<"publish">["outcome"]) =>
  (fact: Fact): Fact =>
    ({ ...fact, outcome: value, entryId: undefined }) as Fact;
const counterOf = (value: number): FactOf<"counter"> => ({ fact: "counter", component: "c", counter: "counts", value });
/** As if the entry, its output, its settlement and its count had never been. */
const withoutAll = (edit: Edit, n: number): Edit =>
  edit
    .without(isEntry(`e${n}`))
    .without(isEntry(`o${n}`))
    .without(isSettlement(n))
    .with(counterOf(-1));

const rightOnes: Readonly<Record<string, (edit: Edit) => Edit>> = {
  "nothing changed": (edit) => edit,
  "an unknown publish that is there": (edit) => edit.replace(isPublish(2), outcome("unknown")),
  "an unknown publish that is not": (edit) => withoutAll(edit.replace(isPublish(2), outcome("unknown")), 2),
  "a rejected publish that is not there": (edit) => withoutAll(edit.replace(isPublish(2), outcome("rejected")), 2),
  "a dead letter without output": (edit) =>
    edit.without(isEntry("o3")).with(counterOf(-1), settlement(3, "deadLettered")),
  "something pending while the load goes on": (edit) =>
    edit
      .without(isEntry("o6"))
      .with(counterOf(-1))
      .replace(isSettlement(6), () => settlement(6, "pending"))
      .replace(
        ({ fact }) => fact === "end",
        () => ({ fact: "end", drained: false }),
      ),
  "a handler that ran again": (edit) => edit.swap(isHandled(6), isHandled(6)).with(handled(1)),
  "keys that overtake one another": (edit) => edit.swap(isHandled(1), isHandled(2)).swap(isEntry("o3"), isEntry("o4")),
  "what a fault may have lost": (edit) => withoutAll(edit, 1).with({ fact: "loss", upTo: "1-5" }),
  "what retention has removed": (edit) =>
    edit
      .without(isEntry("e1"))
      .without(isSettlement(1))
      .with({ fact: "trimmed", channel: "in", partition: 0, upTo: "1-0" }),
  "outputs in an order that nobody promises": (edit) =>
    edit.swap(isEntry("o1"), isEntry("o5")).replace(
      ({ fact }) => fact === "flow",
      (fact) => ({ ...(fact as FactOf<"flow">), order: "handling" }),
    ),
  "order that nobody promises": (edit) =>
    edit
      .swap(isHandled(1), isHandled(5))
      .swap(isEntry("o1"), isEntry("o5"))
      .replace(
        ({ fact }) => fact === "flow",
        (fact) => ({ ...(fact as FactOf<"flow">), order: undefined }),
      ),
};

const wrongOnes: Readonly<Record<string, readonly [kinds: readonly ViolationKind[], text: RegExp, (e: Edit) => Edit]>> =
  {
    "a lost entry": [["lost"], /in e2 was acknowledged as 2-0/, (edit) => withoutAll(edit, 2)],
    "an entry that was lost before a fault that came later": [
      ["lost"],
      /in e3 /,
      (edit) => withoutAll(edit, 3).with({ fact: "loss", upTo: "2-9" }),
    ],
    "a loss on another channel": [
      ["lost"],
      /in e3 /,
      (edit) => withoutAll(edit, 3).with({ fact: "loss", channel: "out", upTo: "9-0" }),
    ],
    "an entry that was appended twice": [
      ["doubled"],
      /in e2 is in the log 2 times: 7-0, 2-0/,
      (edit) => edit.with({ ...input(2), entryId: "7-0" }),
    ],
    "an unknown publish that is there twice": [
      ["doubled"],
      /in e2 is in the log 2 times/,
      (edit) => edit.replace(isPublish(2), outcome("unknown")).with({ ...input(2), entryId: "7-0" }),
    ],
    "a rejected publish that is there": [
      ["refused"],
      /in e4 was rejected/,
      (e) => e.replace(isPublish(4), outcome("rejected")),
    ],
    "an entry that nobody published": [["refused"], /in e4 .* nobody/, (edit) => edit.without(isPublish(4))],
    "an output that was appended twice": [
      ["doubled"],
      /out o2 is in the log 2 times/,
      (edit) => edit.with({ ...output(2), entryId: "1-1" }),
    ],
    "a second output of one event": [
      ["doubled"],
      /in e2 has 2 outputs/,
      (edit) => edit.with({ ...output(2), id: "another", entryId: "1-1" }).replace(...unordered),
    ],
    "an effect on state that was counted twice": [
      ["doubled"],
      /counts says 7, and 6/,
      (edit) => edit.with(counterOf(1)),
    ],
    "an acknowledgement without its output": [
      ["missing"],
      /in e5 is acknowledged and has 0 of 1/,
      (edit) => edit.without(isEntry("o5")),
    ],
    "an acknowledgement without its effect on state": [
      ["missing"],
      /counts says 5, and 6/,
      (e) => e.with(counterOf(-1)),
    ],
    "an output that retention does not excuse": [
      ["missing"],
      /in e1 is acknowledged/,
      (edit) =>
        edit
          .without(isEntry("e1"))
          .without(isEntry("o1"))
          .without(isSettlement(1))
          .with({ fact: "trimmed", channel: "in", partition: 0, upTo: "1-0" }),
    ],
    "an output of what is still pending": [
      ["unfinished", "unbacked"],
      /in e3 is not settled and has outputs/,
      (edit) => edit.replace(isSettlement(3), () => settlement(3, "pending")).with(counterOf(-1)),
    ],
    "an output of a dead letter": [
      ["unbacked"],
      /in e3 is a dead letter and has outputs/,
      (edit) => edit.with(counterOf(-1), settlement(3, "deadLettered")),
    ],
    "an output that comes from nowhere": [
      ["unbacked"],
      /out stray comes from nothing,/,
      (edit) => edit.with({ ...output(1), id: "stray", causes: ["nothing"], entryId: "1-1" }),
    ],
    "an entry that nobody has read": [
      ["unfinished"],
      /in e6 is unread/,
      (edit) =>
        edit
          .without(isEntry("o6"))
          .replace(isSettlement(6), () => settlement(6, "unread"))
          .with(counterOf(-1)),
    ],
    "two dead letters of one entry": [
      ["doubled"],
      /in e3 has more than one dead letter/,
      (edit) =>
        edit.without(isEntry("o3")).with(counterOf(-1), settlement(3, "deadLettered"), settlement(3, "deadLettered")),
    ],
    "a dead letter of an entry that is pending as well": [
      ["doubled"],
      /in e3 has a dead letter and is still pending/,
      (edit) =>
        edit
          .without(isEntry("o3"))
          .replace(isSettlement(3), () => settlement(3, "pending"))
          .with(counterOf(-1), settlement(3, "deadLettered")),
    ],
    "publishes of one key in another order than their calls": [
      ["reordered"],
      /p: in key "odd": e1 is in the log before e3/,
      (edit) => edit.swap(isPublish(1), isPublish(3)),
    ],
    "a key that was handled out of order": [
      ["reordered"],
      /c m: in key "even": e2 .* was handled after e4/,
      (edit) => edit.swap(isHandled(2), isHandled(4)),
    ],
    "a key whose outputs are out of order": [
      ["reordered"],
      /in key "even": e2 .* its output after e4/,
      (edit) => edit.swap(isEntry("o2"), isEntry("o4")),
    ],
    "an order that was executed beyond its quantity": [
      ["sum", "sum"],
      /client orders b: 1 more executed or rejected than the 5/,
      (edit) => edit.replace(isOrder("b"), (fact) => ({ ...(fact as FactOf<"quantity">), executed: 6 })),
    ],
    "an order that stays open": [
      ["sum", "sum"],
      /client orders b stays open with 2 of 5/,
      (edit) => edit.replace(isOrder("b"), (fact) => ({ ...(fact as FactOf<"quantity">), executed: 3 })),
    ],
    "one order's loss that hides behind another's gain": [
      ["sum", "sum"],
      /client orders a: 1 more.*\n.*b stays open with 1/,
      (edit) =>
        edit
          .replace(isOrder("a"), (fact) => ({ ...(fact as FactOf<"quantity">), executed: 8 }))
          .replace(isOrder("b"), (fact) => ({ ...(fact as FactOf<"quantity">), executed: 4 })),
    ],
    "an exchange that has filled what nobody knows of": [
      ["sum", "sum"],
      /ordered: client orders says 15, exchange 16/,
      (edit) => edit.replace(isOrder(""), (fact) => ({ ...(fact as FactOf<"quantity">), ordered: 16, executed: 13 })),
    ],
  };

function isOrder(order: string): (fact: Fact) => boolean {
  return (fact) => fact.fact === "quantity" && fact.order === order;
}

const unordered: [(fact: Fact) => boolean, (fact: Fact) => Fact] = [
  ({ fact }) => fact === "flow",
  (fact) => ({ ...(fact as FactOf<"flow">), order: undefined }),
];

for (const [name, edit] of Object.entries(rightOnes)) {
  test(`finds nothing wrong in ${name}`, () => {
    assert.equal(checkHistory(edit(new Edit()).facts), []);
  });
}

for (const [name, [kinds, text, edit]] of Object.entries(wrongOnes)) {
  test(`finds ${name}, and nothing else`, () => {
    const violations = checkHistory(edit(new Edit()).facts);
    assert.equal(violations.map(({ kind }) => kind).toSorted(), kinds.toSorted(), JSON.stringify(violations));
    assert.match(violations.map((violation) => violation.text).join("\n"), text);
  });
}

test("refuses what is no whole history", async () => {
  assert.throws(() => checkHistory(right().slice(0, -1)), /it has no end/);
  assert.throws(() => checkHistory([...right(), counterOf(1)]), /something follows the end/);
  const read = async (text: string): Promise<void> => {
    for await (const fact of parseFacts(text.split("\n"))) assert.ok(fact);
  };
  await rejects(read('{"fact":"end","drained":true}\n{"fact":"guess"}'), HistoryError, /line 2 is no fact/);
  await rejects(read('{"fact":'), HistoryError, /line 1 is no JSON/);
});

test("as a program it ends with 0 on a right history, 1 on a violation, 2 on what is none", async () => {
  const directory = await mkdtemp(join(tmpdir(), "history-"));
  try {
    const check = async (name: string, text: string): Promise<readonly [number | null, string]> => {
      await writeFile(join(directory, name), text);
      await using run = startProcess("test/checker/main.ts", [join(directory, name)]);
      const { code } = await run.ended;
      return [code, run.lines.join("\n")];
    };
    assert.equal(await check("right", writeFacts(right())), [0, `${right().length} facts, 0 violations`]);
    const [code, said] = await check("wrong", writeFacts(withoutAll(new Edit(), 2).facts));
    assert.is(code, 1);
    assert.match(said, /^lost {7}in e2 was acknowledged as 2-0 and is not in the log\n.* 1 violations$/);
    const [broken, why] = await check("broken", writeFacts(right().slice(0, 5)));
    assert.is(broken, 2);
    assert.match(why, /is no history: it has no end/);
    await using nowhere = startProcess("test/checker/main.ts", [join(directory, "nowhere")]);
    assert.is((await nowhere.ended).code, 2);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("collects from a live Redis what the checker finds right, and wrong once somebody has spoilt it", async () => {
  await using o = await open();
  const [source, out] = [things("source"), things("out")];
  const component = await o.run(
    o.backbone.component("copier", [
      on(source, async ({ payload }, { publish, state }) => {
        const counts = state<number>("counts");
        counts.set("all", ((await counts.get("all")) ?? 0) + 1);
        await publish(out, payload);
      }),
    ]),
  );
  const recorded: Fact[] = [{ fact: "flow", component: "copier", from: "source", to: "out", counter: "counts" }];
  for (let n = 0; n < 1_500; n++) {
    o.backbone.publish(source, { n, key: `k${n % 3}` }, { eventId: `e${n}` }).then(({ entryId }) => {
      const key = `k${n % 3}`;
      recorded.push({ fact: "publish", producer: "p", channel: "source", id: `e${n}`, key, outcome: "acked", entryId });
    });
  }
  await o.backbone.publish(source, { n: -1, key: "last" }, { eventId: "last" }).then(({ entryId }) => {
    recorded.push({
      fact: "publish",
      producer: "p",
      channel: "source",
      id: "last",
      key: "last",
      outcome: "acked",
      entryId,
    });
  });
  await component.whenIdle();
  const violations = async (): Promise<readonly string[]> => {
    const facts = await collectHistory({ client: o.client, keys: o.keys, recorded, drained: true });
    return checkHistory(facts).map(({ kind, text }) => `${kind} ${text}`);
  };
  assert.equal(await violations(), []);

  const entries = await o.entries(out);
  const [first, second] = entries;
  await o.client.xdel(o.stream(out), first?.id ?? "");
  assert.match(
    (await violations()).join("\n"),
    /^missing copier: source e0 is acknowledged and has 0 of 1 outputs on out$/,
  );
  await o.client.xadd(o.stream(out), "*", ...Object.entries(first?.fields ?? {}).flat());
  assert.equal(await violations(), []);
  await o.client.xadd(o.stream(out), "*", ...Object.entries(second?.fields ?? {}).flat());
  assert.match((await violations()).join("\n"), /^doubled out .* is in the log 2 times/);
  await o.client.hset(o.keys.state(0, "copier", "counts"), "other", "1 5");
  assert.match(
    (await violations()).join("\n"),
    /doubled copier: counts says 1506, and 1501 of source are acknowledged/,
  );
});
