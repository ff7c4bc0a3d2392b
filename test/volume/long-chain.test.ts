/** Stories of any length: a chain of 20,000 events, each caused by the one before, needs no deeper stack than a chain of two. */

import * as assert from "uvu/assert";
import { openObserver } from "../../src/composition/observer.ts";
import { toLogEntry } from "../../src/inspect/entries/log-reader.ts";
import { renderJourney } from "../../src/inspect/journey/journey-text.ts";
import type { Related, Relatives } from "../../src/inspect/journey/relatives.ts";
import { storyOf } from "../../src/inspect/journey/story.ts";
import { walkJourney } from "../../src/inspect/journey-tree.ts";
import { HandWritten } from "../inspect/hand-written.ts";
import { test } from "../support/test.ts";

const t0 = 1_700_000_000_000;
const length = 20_000;

/** `entryIdOf`: the entry id of the event of a number. Each event is caused by the one before. */
async function chain(log: HandWritten, entryIdOf: (n: number) => string, order: readonly number[]): Promise<void> {
  await log.describe(["steps"]);
  for (let from = 0; from < order.length; from += 1_000) {
    const pipeline = log.client.pipeline();
    for (const n of order.slice(from, from + 1_000)) {
      const fields = { id: `e-${n}`, payload: String(n), ...(n === 0 ? {} : { causes: `e-${n - 1}` }) };
      pipeline.xadd(log.stream("steps"), entryIdOf(n), ...Object.entries(fields).flat());
    }
    await pipeline.exec();
  }
}

const upwards = Array.from({ length }, (_, n) => n);

test(
  "tells a chain of 20,000 events from its first and from its last one, as text and as JSON",
  async () => {
    await using log = new HandWritten();
    await chain(log, (n) => `${t0 + n}-0`, upwards);
    await using observer = openObserver(log);
    for (const query of ["e-0", `e-${length - 1}`]) {
      const journey = await observer.journey(query, { maxEvents: length });
      assert.is(journey.events, length, query);
      assert.ok(journey.complete, query);
      const walked = [...walkJourney(journey)];
      assert.equal(
        walked.map(({ node }) => node.event.id),
        upwards.map((n) => `e-${n}`),
        query,
      );
      assert.equal(
        walked.map(({ node }) => node.level),
        upwards,
        query,
      );
      assert.is(walked.at(-1)?.node.sinceBeginningMs, length - 1);

      const again = JSON.parse(JSON.stringify(journey, undefined, 2));
      assert.equal([...walkJourney(again)].at(-1)?.node.event.id, `e-${length - 1}`, query);

      const lines = renderJourney(journey, 160).split("\n");
      assert.is(lines.filter((line) => line.includes("steps  e-")).length, length, query);
      assert.ok(
        lines.every((line) => line.length < 240),
        "no line is indented without end",
      );
      assert.ok(lines.some((line) => line.includes(`steps  e-${length - 1}  level ${length - 1}`)));
    }
  },
  { timeoutMs: 120_000 },
);

test(
  "follows a chain within one millisecond whose entries stand in the opposite order",
  async () => {
    const count = 4_000;
    await using log = new HandWritten();
    await chain(log, (n) => `${t0}-${count - n}`, upwards.slice(0, count).reverse());
    await using observer = openObserver(log);
    for (const query of ["e-0", `e-${count - 1}`]) {
      const journey = await observer.journey(query);
      assert.is(journey.events, count, query);
      assert.equal(
        [...walkJourney(journey)].map(({ node }) => node.level),
        upwards.slice(0, count),
        query,
      );
    }
  },
  { timeoutMs: 120_000 },
);

test("cuts the story of a chain and of a circle of 20,000 out of the events around it in little time", () => {
  for (const closed of [false, true]) {
    const related = new Map<string, Related>();
    for (let n = 0; n < length; n++) {
      const causes = n > 0 ? [`e-${n - 1}`] : closed ? [`e-${length - 1}`] : [];
      const fields = ["id", `e-${n}`, "payload", "1"];
      const entry = toLogEntry({ channel: "steps", entryId: `${t0 + n}-0`, fields }, 0);
      related.set(`e-${n}`, { id: `e-${n}`, entry, causes, copies: [] });
    }
    const asked = [related.get("e-7") as Related];
    const relatives: Relatives = {
      asked,
      lineage: related,
      ancestors: related,
      neighbours: new Map(),
      moreAsked: 0,
      complete: true,
    };
    const began = performance.now();
    const { events, beginnings } = storyOf(relatives);
    assert.is(events.size, length);
    assert.is(beginnings.length, 1);
    assert.ok(performance.now() - began < 5_000, `${performance.now() - began} ms`);
  }
});
