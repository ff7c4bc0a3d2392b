/** What is not finished by its settlement, or for ever: retries, counted attempts, dead letters. */

import * as assert from "uvu/assert";
import type { Settlement } from "../../../src/ports/settle.ts";
import { acked, at, type Behaviour, batch, channel, component, entriesOf, own, startOf } from "../behaviour.ts";

export const retrying: readonly Behaviour[] = [
  {
    name: "what is parked is finished for the position, pending for people, and gone from both when it is settled",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const park: Settlement = { kind: "parked", locks: [], entries: entriesOf([id]), attempt: 1, delayMs: 0 };
      await session.settle(claim, batch(1, [park], at(id)));
      assert.equal((await harness.group(channel, component))?.pending, [id]);
      const start = await startOf(harness, "m2");
      assert.equal(start.open, []);
      assert.equal((await harness.group(channel, component))?.pending, [id]);
      const next = await own(harness, "m3");
      await next.session.settle(next.claim, batch(1, [acked([id], { entries: entriesOf([id], true) })], at(id)));
      assert.equal((await harness.group(channel, component))?.pending, []);
      assert.equal(await next.session.due(60_000, 10), []);
    },
  },
  {
    name: "what is blocked stays open, and the next owner is told its attempts and when it is due",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      const block: Settlement = {
        kind: "blocked",
        locks: [],
        entries: entriesOf([first]),
        attempt: 2,
        delayMs: 60_000,
      };
      await session.settle(claim, batch(1, [block, acked([second])], at(second, [first], 2)));
      const start = await startOf(harness, "m2");
      assert.equal(start.open, [first]);
      const [counted] = start.counts;
      assert.is(counted?.entryId, first);
      assert.equal({ ...counted?.record, dueInMs: 0 }, { attempt: 2, starts: 0, dueInMs: 0 });
      assert.ok((counted?.record.dueInMs ?? 0) > 50_000);
      assert.equal((await harness.group(channel, component))?.pending, [first]);
    },
  },
  {
    name: "a dead letter has the entry's own fields, then why it died; of an entry that is gone there is none",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      const obituary = { errorCode: "EX", error: "Error: no", attempts: 3, traceparent: "t" };
      const bury = (id: string, isGone: boolean): Settlement => ({
        kind: "buried",
        locks: [],
        entries: entriesOf([id], true),
        obituary,
        isGone,
      });
      await harness.remove(channel, second);
      const reply = await session.settle(claim, batch(1, [bury(first, false), bury(second, true)], at(second, [], 2)));
      assert.equal(
        reply.outcome === "settled" && reply.results.map((r) => r.outcome === "settled" && r.ids.length),
        [1, 0],
      );
      const [letter, ...others] = await harness.letters(channel, component);
      assert.equal(others, []);
      assert.is(letter?.["id"], "e1");
      assert.is(letter?.["dead-entry"], first);
      assert.is(letter?.["dead-code"], "EX");
      assert.is(letter?.["dead-error"], "Error: no");
      assert.is(letter?.["dead-attempts"], "3");
    },
  },
  {
    name: "an attempt is counted once however often that is sent, and the next owner is told",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const entry = { channel, entryId: id };
      for (let sent = 0; sent < 2; sent++)
        assert.equal(await session.count(claim, entry, 1), { attempt: 1, starts: 1, dueInMs: 0 });
      assert.equal(await session.count(claim, entry, 2), { attempt: 2, starts: 2, dueInMs: 0 });
      const [done = ""] = await harness.append(channel, "e2");
      await session.settle(claim, batch(1, [acked([done])], at(done, [id], 2)));
      assert.is(await session.count(claim, { channel, entryId: done }, 1), undefined, "it is finished");
      const { start } = await own(harness, "m2", { isDeath: true });
      assert.equal(start.counts, [{ entryId: id, record: { attempt: 2, starts: 2, dueInMs: 0 } }]);
    },
  },
  {
    name: "what an owner has outlived has killed nobody: the next one is told of attempts without starts",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      await session.count(claim, { channel, entryId: id }, 1);
      const { start } = await own(harness, "m2");
      assert.equal(start.counts, [{ entryId: id, record: { attempt: 1, starts: 0, dueInMs: 0 } }]);
      const again = await own(harness, "m3", { isDeath: true });
      assert.equal(again.start.counts, [{ entryId: id, record: { attempt: 1, starts: 0, dueInMs: 0 } }]);
    },
  },
];
