/** What an owner keeps of its state in memory: what was used lately, and what the store does not have yet. */

import * as assert from "uvu/assert";
import { State, StateView } from "../../src/consume/state.ts";
import { test } from "../support/test.ts";

/** A state whose store has the key itself as each value, and what was read from it. */
function made(): { readonly state: State; readonly read: string[] } {
  const read: string[] = [];
  const state = new State(
    async (keys) => {
      for (const { key } of keys) read.push(key);
      return keys.map(({ key }) => key);
    },
    (run) => void setImmediate(run),
  );
  return { state, read };
}

/** Reads so many other keys, all at once. */
async function readOthers(state: State, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, n) => state.cell({ store: "s", key: `other-${n}` })));
}

test("reads of one turn travel together, and what was read is not read again", async () => {
  const { state, read } = made();
  const cells = await Promise.all(["1", "2"].map((key) => state.cell({ store: "s", key })));
  assert.equal(
    cells.map(({ json }) => json),
    ["1", "2"],
  );
  assert.is((await state.cell({ store: "s", key: "1" })).json, "1");
  assert.equal(read, ["1", "2"]);
});

test("what was used lately stays, and the others make room", async () => {
  const { state, read } = made();
  const key = { store: "s", key: "1" };
  const first = await state.cell(key);
  for (const n of [0, 1, 2]) {
    await Promise.all(Array.from({ length: 9_000 }, (_, m) => state.cell({ store: "s", key: `${n}-${m}` })));
    assert.is(await state.cell(key), first, "it was used before each of the others made room");
  }
  assert.ok(state.isCurrent("s\n1", first));
  await readOthers(state, 30_000);
  assert.not(state.isCurrent("s\n1", first));
  read.length = 0;
  await state.cell(key);
  assert.equal(read, ["1"]);
});

test("what the store does not have yet stays however many come", async () => {
  const { state, read } = made();
  const view = new StateView(state, "c", 10);
  view.store<number>("s", () => undefined).set("1", 5);
  view.commit();
  await readOthers(state, 30_000);
  assert.is((await state.cell({ store: "s", key: "1" })).json, "5");
  view.settled();
  await readOthers(state, 30_000);
  await readOthers(state, 30_000);
  read.length = 0;
  assert.is((await state.cell({ store: "s", key: "1" })).json, "1");
  assert.equal(read, ["1"]);
});
