/** A rolling map behaves as a map does, and what has left it does not outlive the next young collections. */

import { spawnSync } from "node:child_process";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { RollingMap } from "../../src/consume/rolling-map.ts";
import { test } from "../support/test.ts";

test("holds what a map holds, whatever is set and deleted", () => {
  const step = fc.record({ key: fc.nat(40), isSet: fc.boolean(), times: fc.nat(300) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const rolling = new RollingMap<number, number>();
      const plain = new Map<number, number>();
      steps.forEach(({ key, isSet, times }, value) => {
        // Keys that come and go fill its parts.
        for (let passing = 0; passing < times; passing++) {
          rolling.add(1_000 + passing, 0);
          assert.ok(rolling.delete(1_000 + passing));
        }
        if (isSet) {
          rolling.delete(key);
          rolling.add(key, value);
          plain.set(key, value);
        } else assert.is(rolling.delete(key), plain.delete(key));
        assert.is(rolling.get(key), plain.get(key));
        assert.is(rolling.has(key), plain.has(key));
      });
    }),
  );
});

/** 600,000 objects pass through a map that holds a thousand of them, in a process with 30 MB beside it. Prints by how many MB the old objects grew. */
const passing = `
const { getHeapSpaceStatistics } = await import("node:v8");
const oldBytes = () => getHeapSpaceStatistics().find((space) => space.space_name === "old_space").space_used_size;
const [, url, name] = process.argv;
const { RollingMap } = await import(url);
globalThis.beside = Array.from({ length: 300_000 }, (_, i) => ({ i, text: String(i) }));
const map = name === "plain" ? new Map() : new RollingMap();
const add = (key, value) => (name === "plain" ? map.set(key, value) : map.add(key, value));
globalThis.gc();
const before = oldBytes();
let most = 0;
for (let n = 0; n < 600_000; n++) {
  add("1700000000000-" + n, { n, list: [n, n, n, n, n, n, n, n] });
  if (n >= 1_000) map.delete("1700000000000-" + (n - 1_000));
  if (n % 5_000 === 0) {
    await new Promise(setImmediate);
    most = Math.max(most, oldBytes() - before);
  }
}
console.log(most / 1e6);
`;

test("its garbage goes with the young collections, as a plain map's does not", () => {
  const url = new URL("../../src/consume/rolling-map.ts", import.meta.url).href;
  const [rolling, plain] = ["rolling", "plain"].map((name) => {
    const args = ["--expose-gc", "--single-threaded-gc", "--input-type=module", "--eval", passing, "--", url, name];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.ok(Number(stdout) > 0, stderr);
    return Number(stdout);
  }) as [number, number];
  assert.ok(rolling < plain / 10, `${rolling} MB beside ${plain} MB`);
});
