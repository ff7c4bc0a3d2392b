/** A load of numbered events through a component with state, and the check that each was done once. */

import * as assert from "uvu/assert";
import { type Channel, type Component, on, PublishError } from "../../src/index.ts";
import { type Opened, soon, type Thing, things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";

export const source: Channel<Thing> = things("source", { retry: soon });
export const out: Channel<Thing> = things("out");

/** Copies each event, and counts it by its last digit. */
export function copier(o: Opened, takeoverAfterMs = 1_000): Component {
  return o.backbone.component(
    "copier",
    [
      on(source, async ({ payload }, { publish, state }) => {
        const counts = state<number>("counts");
        const digit = String(payload.n % 10);
        counts.set(digit, ((await counts.get(digit)) ?? 0) + 1);
        await publish(out, payload);
      }),
    ],
    { takeoverAfterMs },
  );
}

/** Publishes without a pause until it is ended, and keeps which were acknowledged and which are in doubt. */
export class Load {
  readonly #acknowledged = new Set<number>();
  readonly #unknown = new Set<number>();
  readonly #o: Opened;
  readonly #done: Promise<unknown>;
  #next = 0;
  #ended = false;

  constructor(o: Opened) {
    this.#o = o;
    this.#done = Promise.all(Array.from({ length: 10 }, () => this.#run()));
  }

  /** Resolves when so many more are acknowledged. */
  async goOn(count: number): Promise<void> {
    const goal = this.#acknowledged.size + count;
    await eventually(() => this.#acknowledged.size >= goal, 60_000);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      const n = this.#next++;
      try {
        await this.#o.backbone.publish(source, { n, key: `${n % 20}` });
        this.#acknowledged.add(n);
      } catch (error) {
        if (!(error instanceof PublishError)) throw error;
        if (error.outcome === "unknown") this.#unknown.add(n);
      }
    }
  }

  /** Asserts that every acknowledged event is there once, with one output and one update of the state, and that no refused one is. */
  async check(): Promise<void> {
    const inputs = (await this.#o.entries(source)).map(({ payload }) => payload.n);
    const outputs = (await this.#o.entries(out)).map(({ payload }) => payload.n);
    const [there, done] = [new Set(inputs), new Set(outputs)];
    const few = (numbers: Iterable<number>): readonly number[] => [...numbers].slice(0, 20);
    assert.is(there.size, inputs.length, "an event is there twice");
    assert.equal(few([...this.#acknowledged].filter((n) => !there.has(n))), [], "acknowledged and lost");
    const refused = inputs.filter((n) => !this.#acknowledged.has(n) && !this.#unknown.has(n));
    assert.equal(few(refused), [], "refused and there");
    assert.is(done.size, outputs.length, "an output is there twice");
    assert.equal(few(inputs.filter((n) => !done.has(n))), [], "an event without its output");
    let counted = 0;
    for (let digit = 0; digit < 10; digit++) {
      counted += (await this.#o.backbone.view<number>("copier", "counts").get(String(digit))) ?? 0;
    }
    assert.is(counted, inputs.length, "an update of the state is lost or repeated");
  }
}
