/** A map of what came last forgets the oldest, and nothing else. */

import * as assert from "uvu/assert";
import { RecentMap, Turns } from "../../src/model/recent-map.ts";
import { test } from "../support/test.ts";

test("remembers at least as many as it is to remember, and forgets what is older by more than half of that again", () => {
  const map = new RecentMap<number, number>();
  const turns = new Turns(100);
  for (let i = 0; i < 1_000; i++) {
    map.add(i, i * 2);
    turns.count(1);
    if (turns.isDue()) map.turn();
    for (let j = Math.max(0, i - 99); j <= i; j++) if (map.get(j) !== j * 2) assert.unreachable(`${j} is gone at ${i}`);
    if (i >= 150) assert.is(map.get(i - 150), undefined);
  }
});

test("what is added again has its new value, and the age of the new one", () => {
  const map = new RecentMap<string, number>();
  map.add("a", 1);
  map.turn();
  map.add("a", 2);
  assert.is(map.get("a"), 2);
  for (let i = 0; i < 4; i++) map.turn();
  assert.is(map.get("a"), 2);
  map.turn();
  assert.is(map.get("a"), undefined);
});

test("however much is added between two turns is kept until the fifth after", () => {
  const map = new RecentMap<number, number>();
  for (let i = 0; i < 1_000; i++) map.add(i, i);
  for (let turned = 0; turned < 5; turned++) {
    assert.is(map.get(0), 0);
    map.turn();
  }
  assert.is(map.get(0), undefined);
});
