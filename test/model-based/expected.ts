/** The model: sets of events, and the conditions on them when nothing is unfinished. */

import * as assert from "uvu/assert";
import type { Fate, Setting } from "./steps.ts";
import { type Done, maxAttempts, partsOf, type Tally } from "./work.ts";

export interface Published {
  readonly n: number;
  readonly key: string;
  readonly fate: Fate;
  readonly entryId: string;
}

/** The events and records that are found in Redis. */
export interface Findings {
  readonly entries: readonly { readonly entryId: string; readonly n: number }[];
  readonly outputs: readonly Done[];
  readonly letters: readonly { readonly entryId: string; readonly attempts: number }[];
  readonly tallies: ReadonlyMap<string, Tally | undefined>;
  readonly standing: {
    readonly lagEntries: number;
    readonly pending: number;
    readonly parked: number;
    readonly deadLetters: number;
    readonly lost: number;
  };
}

export class Expected {
  readonly published: Map<number, Published> = new Map();
  /** Events that a trim removed after they were finished. */
  readonly trimmed: Set<number> = new Set();
  /** Events that a redrive handed back: they succeed from then on. */
  readonly mended: Set<number> = new Set();

  add(event: Published): void {
    this.published.set(event.n, event);
  }

  byEntry(entryId: string): Published {
    const found = [...this.published.values()].find((event) => event.entryId === entryId);
    if (found === undefined) throw new Error(`there is an entry ${entryId} that nobody has published`);
    return found;
  }

  isDoomed({ n, fate }: Published): boolean {
    return !this.mended.has(n) && (fate === "stubborn" || fate === "hopeless");
  }

  /**
   * @param isCalm no delivery was taken over, and no member has gone or lost its connection: attempts are counted exactly
   * @throws when something is lost, doubled, in the wrong place or miscounted
   */
  compare(found: Findings, { onRetry }: Setting, isCalm: boolean): void {
    const all = [...this.published.values()];
    const dead = all.filter((event) => this.isDoomed(event));
    const settled = all.filter((event) => !this.isDoomed(event));

    const kept = all.filter(({ n }) => !this.trimmed.has(n));
    assert.equal(
      found.entries.map(({ entryId, n }) => `${entryId} ${n}`),
      sorted(kept).map(({ entryId, n }) => `${entryId} ${n}`),
      "the log holds each acknowledged event once, in the order of the ids, and nothing else",
    );
    assert.equal(
      found.outputs.map(({ n, part }) => `${n}.${part}`).toSorted(),
      settled.flatMap(({ n }) => Array.from({ length: partsOf(n) }, (_, part) => `${n}.${part}`)).toSorted(),
      "each settled event has its outputs once, and no other has any",
    );
    assert.equal(
      found.letters.map(({ entryId }) => this.byEntry(entryId).n).toSorted(ascending),
      dead.map(({ n }) => n).toSorted(ascending),
      "each dead event has one letter, and no other has any",
    );
    for (const [key, tally] of found.tallies) {
      const ofKey = settled.filter((event) => event.key === key);
      const sum = ofKey.reduce((total, { n }) => total + n, 0);
      assert.equal(tally ?? { count: 0, sum: 0 }, { count: ofKey.length, sum }, `the tally of key "${key}"`);
    }
    assert.equal(
      found.standing,
      { lagEntries: 0, pending: 0, parked: 0, deadLetters: dead.length, lost: 0 },
      "published = settled + dead, and nothing is unread, pending, parked or lost",
    );
    for (const { entryId, attempts } of found.letters) {
      const { fate, n } = this.byEntry(entryId);
      const least = fate === "hopeless" ? 1 : maxAttempts;
      assert.ok(isCalm ? attempts === least : attempts >= 1, `event ${n} is dead after ${attempts} attempts`);
    }
    this.#compareOrder(found.outputs, onRetry);
  }

  /** The outputs of a key keep its order, whichever members made them. */
  #compareOrder(outputs: readonly Done[], onRetry: Setting["onRetry"]): void {
    const lanes = Map.groupBy(
      outputs.filter(({ n, part }) => part === 0 && this.#keepsOrder(n, onRetry)),
      ({ n }) => this.published.get(n)?.key,
    );
    for (const [lane, ofLane] of lanes) {
      const events = ofLane.flatMap(({ n }) => this.published.get(n) ?? []);
      assert.equal(
        events.map(({ n }) => n),
        sorted(events).map(({ n }) => n),
        `the order of key ${lane}`,
      );
    }
  }

  #keepsOrder(n: number, onRetry: Setting["onRetry"]): boolean {
    const event = this.published.get(n);
    if (event === undefined || event.key === "" || this.mended.has(n)) return false;
    return onRetry === "block" || event.fate === "well";
  }
}

/** By entry id: the order of the log. */
function sorted(events: readonly Published[]): readonly Published[] {
  const parts = (id: string): readonly [number, number] => {
    const [ms = "", seq = ""] = id.split("-");
    return [Number(ms), Number(seq)];
  };
  return events.toSorted((one, other) => {
    const [[ms, seq], [otherMs, otherSeq]] = [parts(one.entryId), parts(other.entryId)];
    return ms - otherMs || seq - otherSeq;
  });
}

const ascending = (one: number, other: number): number => one - other;
