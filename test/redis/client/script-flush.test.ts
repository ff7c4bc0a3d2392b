/** Calls run in the order in which they were sent, also where the server forgets their script and somebody else loads it meanwhile. */

import * as assert from "uvu/assert";
import type { Script } from "../../../src/redis/script-source.ts";
import { numbersKept } from "../../../src/redis/store/appender.ts";
import { scripts } from "../../../src/redis/store/scripts.ts";
import { type Opened, open, things } from "../../support/backbone.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";

const count = 3_000;
const inOrder = Array.from({ length: count }, (_, n) => n);

test("a publish does not overtake one whose script was missing", async () => {
  await using o = await open();
  const channel = things("things");
  const published: Promise<unknown>[] = [];
  const loaded: Promise<unknown>[] = [];
  for (const n of inOrder) {
    published.push(o.backbone.publish(channel, { n }));
    if (n % 7 === 0) await new Promise(setImmediate);
    if (n % 50 !== 25) continue;
    // Another client's: a call between the two finds its script missing, and the next one finds it.
    loaded.push(o.client.script("FLUSH"));
    loaded.push(
      new Promise((resolve) => setTimeout(resolve, 1)).then(() => o.client.script("LOAD", scripts.append.source)),
    );
  }
  await Promise.all([...published, ...loaded]);
  assert.equal(
    (await o.entries(channel)).map(({ payload }) => payload.n),
    inOrder,
  );
});

/** The arguments of each script beside its turn; `number` in place of "n". */
const callsOf: readonly {
  readonly script: Script;
  readonly keys: (o: Opened) => string[];
  readonly args: readonly string[];
}[] = [
  {
    script: scripts.append,
    keys: (o) => [o.keys.numbers(0, "p"), o.stream(things("things"))],
    args: ["n", String(numbersKept), "60000", "1", "0", "", "itp", "id", "1", "{}"],
  },
  {
    script: scripts.import,
    keys: (o) => [o.keys.numbers(0, "p"), o.stream(things("things"))],
    args: ["n", String(numbersKept), "60000", "1", "t", "2", "payload", "{}"],
  },
];

for (const { script, keys, args } of callsOf) {
  const name = Object.entries(scripts).find(([, one]) => one === script)?.[0];
  test(`${name} runs in turn only, and is answered as before when it comes again`, async () => {
    await using o = await open();
    await o.client.script("LOAD", script.source);
    const call = (number: number, behind: string): Promise<unknown> => {
      const names = keys(o);
      const given = args.map((arg) => (arg === "n" ? String(number) : arg));
      return o.client.evalsha(script.sha, names.length, ...names, `${behind}00`, ...given);
    };
    const outOfTurn = async (number: number, behind: string): Promise<void> =>
      assert.match((await rejects(call(number, behind), Error)).message, /^OUTOFTURN number/);
    await outOfTurn(2, "01");
    const first = await call(1, "00");
    const second = await call(2, "01");
    await outOfTurn(4, "01");
    const fourth = await call(4, "02"); // the third was given up
    for (let n = 5; n <= 14; n++) await call(n, "01");
    assert.equal([await call(1, "00"), await call(2, "01"), await call(4, "03")], [first, second, fourth]);
    for (let n = 15; n <= 40; n++) await call(n, "01");
    await call(41, "15");
    await outOfTurn(57, "15"); // its place in the ring has an older one
  });
}

test("append says once that nothing is known of what was answered last", async () => {
  await using o = await open();
  const { script, keys, args } = callsOf.find((one) => one.script === scripts.append) as (typeof callsOf)[number];
  await o.client.script("LOAD", script.source);
  const names = keys(o);
  const call = async (number: number, places: string): Promise<string> => {
    const given = args.map((arg) => (arg === "n" ? String(number) : arg));
    return String(await o.client.evalsha(script.sha, names.length, ...names, places, ...given));
  };
  assert.not.match(await call(1, "0000"), /\^/);
  assert.not.match(await call(2, "0001"), /\^/);
  await o.client.del(names[0] as string); // as a failover that has lost both
  assert.match(await call(3, "0001"), /^[\d-]+\n\^$/);
  assert.match(await call(3, "0001"), /^[\d-]+\n\^$/, "and again where the answer was lost");
  assert.not.match(await call(4, "0002"), /\^/);
  assert.not.match(await call(5, "0001"), /\^/);
});
