/** Publishes for a run: new events, single or all or none, and repeats of earlier ones. */

import * as assert from "uvu/assert";
import { type Backbone, type EventRef, item, PayloadError } from "../../src/index.ts";
import { rejects } from "../support/rejects.ts";
import type { Expected } from "./expected.ts";
import type { Fate } from "./steps.ts";
import { plainWork, type Work, work } from "./work.ts";

type Draft = Pick<Work, "fate" | "key">;

export class Publisher {
  readonly #backbone: Backbone;
  readonly #expected: Expected;
  #next = 1;
  /** Events that were published with an id of their own. */
  readonly #repeatable: number[] = [];

  constructor(backbone: Backbone, expected: Expected) {
    this.#backbone = backbone;
    this.#expected = expected;
  }

  async publish(draft: Draft): Promise<void> {
    const event = this.#newWork(draft);
    const { entryId } = await this.#backbone.publish(work, event, { eventId: `e-${event.n}` });
    this.#repeatable.push(event.n);
    this.#expected.add({ ...event, entryId });
  }

  /** Without an id of its own: no window hides what is appended twice. */
  async publishPlain(draft: Draft): Promise<void> {
    const event = this.#newWork(draft);
    const { entryId } = await this.#backbone.publish(plainWork, event);
    this.#expected.add({ ...event, entryId });
  }

  /** @param isBroken one more that is no valid payload fails them all */
  async publishAll(fates: readonly Fate[], isBroken: boolean): Promise<void> {
    const events = fates.map((fate) => this.#newWork({ fate, key: "a" }));
    const items = events.map((event) => item(work, event, { eventId: `e-${event.n}` }));
    if (isBroken) {
      const broken = item(work, { n: 0.5, key: "a", fate: "well" });
      await rejects(this.#backbone.publishAll([...items, broken]), PayloadError);
      return;
    }
    const refs = await this.#backbone.publishAll(items);
    for (const [i, event] of events.entries()) {
      this.#expected.add({ ...event, entryId: (refs[i] as EventRef).entryId });
    }
  }

  /** The event that was published `back` events ago, if there is one. */
  async repeat(back: number): Promise<void> {
    const event = this.#expected.published.get(this.#repeatable.at(-1 - back) ?? 0);
    if (event === undefined) return;
    const { n, key, fate } = event;
    const { entryId } = await this.#backbone.publish(work, { n, key, fate }, { eventId: `e-${n}` });
    assert.is(entryId, event.entryId, `event ${n}, published again, is the same entry`);
  }

  #newWork({ fate, key }: Draft): Work {
    return { n: this.#next++, key, fate };
  }
}
