/** Lanes run what shares a key in order and one at a time, and let everything run in the end. */

import fc from "fast-check";
import * as assert from "uvu/assert";
import { Lanes, type LaneTask } from "../../src/consume/lanes.ts";
import { test } from "../support/test.ts";

interface Run {
  readonly id: number;
  readonly keys: readonly string[];
  readonly isSync: boolean;
}

/** What a test does to the lanes, step by step. */
type Step =
  | { readonly do: "add"; readonly keys: readonly string[]; readonly isSync: boolean }
  | { readonly do: "addAlone"; readonly isSync: boolean }
  | { readonly do: "end"; readonly which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("add" as const),
      keys: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { maxLength: 3 }),
      isSync: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("addAlone" as const), isSync: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat(20) }) },
);

/** Real lanes, and beside them what a simple reading of the rules says about each start. */
class Checked {
  readonly lanes: Lanes;
  readonly #running = new Map<Run, () => void>();
  readonly #added: Run[] = [];
  readonly #alone = new Set<Run>();
  readonly #started = new Set<Run>();
  readonly #ended = new Set<Run>();
  readonly #concurrency: number;
  #ids = 0;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
    this.lanes = new Lanes(concurrency);
  }

  #taskOf(run: Run): LaneTask {
    const ended = (): void => {
      assert.ok(this.#started.has(run) && !this.#running.has(run), `${run.id} has run`);
      assert.not(this.#ended.has(run), `${run.id} ends twice`);
      this.#ended.add(run);
    };
    return { keys: run.keys, blockedBy: 0, run: () => this.#start(run), ended };
  }

  #start(run: Run): void | Promise<void> {
    assert.not(this.#started.has(run), `${run.id} starts twice`);
    this.#started.add(run);
    const running = [...this.#running.keys()];
    if (this.#alone.has(run)) assert.is(running.length, 0, "alone");
    else {
      assert.ok(running.length < this.#concurrency, "concurrency");
      assert.not(
        running.some((one) => this.#alone.has(one)),
        "nothing starts beside one that runs alone",
      );
      assert.not(
        running.some((one) => one.keys.some((key) => run.keys.includes(key))),
        "one at a time of a key",
      );
      const before = this.#added.slice(0, this.#added.indexOf(run));
      const overtaken = before.find((one) => !this.#started.has(one) && one.keys.some((key) => run.keys.includes(key)));
      assert.is(overtaken, undefined, "order of a key");
    }
    if (run.isSync) return undefined;
    return new Promise((resolve) => this.#running.set(run, resolve));
  }

  async take(action: Step): Promise<void> {
    if (action.do === "add" || action.do === "addAlone") {
      const run = { id: this.#ids++, keys: action.do === "add" ? action.keys : [], isSync: action.isSync };
      this.#added.push(run);
      if (action.do === "add") this.lanes.add(this.#taskOf(run));
      else {
        this.#alone.add(run);
        this.lanes.addAlone(this.#taskOf(run));
      }
    } else this.#end(action.which);
    await new Promise(setImmediate);
    this.check();
  }

  #end(which: number): void {
    const running = [...this.#running];
    const ended = running[which % running.length];
    if (ended === undefined) return;
    this.#running.delete(ended[0]);
    ended[1]();
  }

  /** Nothing that may run waits. */
  check(): void {
    const running = [...this.#running.keys()];
    const waiting = this.#added.filter((run) => !this.#started.has(run));
    assert.is(this.#ended.size, this.#started.size - running.length);
    if (waiting.some((run) => this.#alone.has(run))) {
      assert.ok(running.length > 0, "something runs while one waits to run alone");
      return;
    }
    if (running.length >= this.#concurrency || running.some((run) => this.#alone.has(run))) return;
    const free = waiting.find((run, i) => {
      const before = [...running, ...waiting.slice(0, i)];
      return !before.some((one) => one.keys.some((key) => run.keys.includes(key)));
    });
    assert.is(free, undefined, "a task that nothing holds up has started");
  }

  async finish(): Promise<void> {
    while (this.#running.size > 0) await this.take({ do: "end", which: 0 });
    assert.is(this.#ended.size, this.#added.length);
  }
}

test("obeys the order of keys, the concurrency and solitude, whatever comes and ends when", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), async (concurrency, steps) => {
      const checked = new Checked(concurrency);
      for (const one of steps) await checked.take(one);
      await checked.finish();
    }),
    { numRuns: 300 },
  );
});
