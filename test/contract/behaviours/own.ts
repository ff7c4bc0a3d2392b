/** Who owns a slice: acquiring, renewing, handing over, and what fences a former owner. */

import * as assert from "uvu/assert";
import type { OwnerRow } from "../../../src/ports/own.ts";
import { acked, at, type Behaviour, batch, channel, output, own, slice, tryToOwn } from "../behaviour.ts";

export const owning: readonly Behaviour[] = [
  {
    name: "of two that saw the same row one acquires the slice, and the other is shown the new row",
    run: async ({ store }) => {
      const [one, other] = [store.open(slice, [channel]), store.open(slice, [channel])];
      assert.equal(await one.look([]), { row: undefined, isBehind: false });
      const first = await tryToOwn(one, undefined, "m1");
      const second = await tryToOwn(other, undefined, "m2");
      if (first.acquired.outcome !== "acquired" || second.acquired.outcome !== "lost") throw new Error("both or none");
      const { epoch } = first.acquired;
      const row = { epoch, owner: first.owner, seq: 0, wanted: "" };
      const { beat = 0, ...shown } = second.acquired.row ?? ({} as Partial<OwnerRow>);
      assert.ok(beat > 0);
      for (const [field, value] of Object.entries(row)) assert.is(shown[field as keyof typeof shown], value);
    },
  },
  {
    name: "an owner that takes its slice again is refused where a batch was written that it has given up",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const taken = { member: "m1", token: "again", highestEpoch: 0, isDeath: false, begin: "0" } as const;
      await session.settle(claim, batch(1, [acked([id])], at(id)));
      const outdated = await session.acquire({ ...taken, seen: { ...claim, seq: 0 } });
      assert.is(outdated.outcome, "lost");
      assert.is(outdated.outcome === "lost" && outdated.row?.seq, 1);
      assert.is((await session.acquire({ ...taken, seen: { ...claim, seq: 1 } })).outcome, "acquired");
    },
  },
  {
    name: "an epoch is greater than the row's, than the greatest ever seen, and no less than the server's time",
    run: async (harness) => {
      const first = await own(harness);
      assert.ok(first.claim.epoch >= (await harness.now()) - 1_000);
      const seen = first.claim.epoch + 1_000_000;
      const second = await own(harness, "m2", { highestEpoch: seen });
      assert.is(second.claim.epoch, seen + 1);
      const third = await own(harness, "m3");
      assert.ok(third.claim.epoch > second.claim.epoch);
    },
  },
  {
    name: "who has lost the slice is fenced with every verb, and changes nothing",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const { claim: later } = await own(harness, "m2");
      assert.is((await session.renew(claim, [], [])).outcome, "fenced");
      const settled = await session.settle(claim, batch(1, [acked([id], { outputs: [output("out", "o1")] })], at(id)));
      assert.is(settled.outcome, "fenced");
      assert.is(await session.count(claim, { channel, entryId: id }, 1), undefined);
      assert.is(await session.release(claim, 0), false);
      await session.want(claim, "m1");
      const { row } = await session.look([]);
      assert.is(row?.owner, later.owner);
      assert.is(row?.wanted, "");
      assert.equal(await harness.entries("out"), []);
    },
  },
  {
    name: "the same epoch with another token is another owner",
    run: async (harness) => {
      const { session, claim } = await own(harness);
      assert.is((await session.renew({ ...claim, owner: `${claim.owner}x` }, [], [])).outcome, "fenced");
      assert.is((await session.renew({ ...claim, epoch: claim.epoch - 1 }, [], [])).outcome, "fenced");
      assert.is((await session.renew(claim, [], [])).outcome, "renewed");
    },
  },
  {
    name: "each renewal and settlement beats, and who saw an older beat takes nothing over",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const before = (await session.look([])).row as OwnerRow;
      await session.renew(claim, [], []);
      const renewed = (await session.look([])).row as OwnerRow;
      await session.settle(claim, batch(1, [acked([id])], at(id)));
      const settled = (await session.look([])).row as OwnerRow;
      assert.ok(before.beat < renewed.beat && renewed.beat < settled.beat);
      assert.is((await tryToOwn(session, renewed, "m2")).acquired.outcome, "lost");
      assert.is((await tryToOwn(session, settled, "m2")).acquired.outcome, "acquired");
    },
  },
  {
    name: "an owner takes the slice again from itself whatever its beat",
    run: async (harness) => {
      const { session, claim } = await own(harness);
      const { acquired } = await tryToOwn(session, claim);
      assert.is(acquired.outcome, "acquired");
      assert.is((await session.renew(claim, [], [])).outcome, "fenced");
    },
  },
  {
    name: "a slice is released only when the last batch is the one that is named",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      await session.settle(claim, batch(1, [acked([id])], at(id)));
      assert.is(await session.release(claim, 0), false);
      assert.is((await session.look([])).row?.owner, claim.owner);
      assert.is(await session.release(claim, 1), true);
      assert.is((await session.look([])).row?.owner, "");
      assert.is(await session.release(claim, 1), false);
    },
  },
  {
    name: "an owner is told with its next renewal or settlement who wants the slice, until somebody has acquired it",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      await session.want({ ...claim, epoch: claim.epoch - 1 }, "m3");
      assert.equal(await session.renew(claim, [], []), { outcome: "renewed", wanted: "", remade: [] });
      await session.want(claim, "m2");
      assert.equal(await session.renew(claim, [], []), { outcome: "renewed", wanted: "m2", remade: [] });
      const settled = await session.settle(claim, batch(1, [acked([id])], at(id)));
      assert.is(settled.outcome === "settled" && settled.wanted, "m2");
      const next = await own(harness, "m2");
      assert.is((await next.session.look([])).row?.wanted, "");
    },
  },
  {
    name: "a look tells whether the newest entry that was read is still there, and still the same event",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const session = harness.store.open(slice, [channel]);
      const isBehind = async (entryId: string, eventId: string): Promise<boolean> =>
        (await session.look([{ channel, entryId, eventId }])).isBehind;
      assert.is(await isBehind(second, "e2"), false);
      assert.is(await isBehind(second, "e9"), true);
      await harness.remove(channel, second);
      assert.is(await isBehind(second, "e2"), true);
      assert.is(await isBehind(first, "e1"), false);
    },
  },
  {
    name: "takeovers by death are counted until something that was unfinished is finished",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      await own(harness, "m1");
      await own(harness, "m2", { isDeath: true });
      const third = await own(harness, "m3", { isDeath: true });
      assert.is(third.acquired.deaths, 2);
      const fourth = await own(harness, "m4");
      assert.is(fourth.acquired.deaths, 2, "a handover is no death, and no progress");
      await fourth.session.settle(fourth.claim, batch(1, [acked([first])], at(first)));
      assert.is((await own(harness, "m5", { isDeath: true })).acquired.deaths, 1);
      const sixth = await own(harness, "m6", { isDeath: true });
      // The later one is settled, and the first stays open: what may have killed the others has not moved.
      await sixth.session.settle(sixth.claim, batch(1, [], at(second, [second])));
      assert.is((await own(harness, "m7")).acquired.deaths, 0, "the floor went from the first entry to the second");
    },
  },
  {
    name: "an acquisition that a failover has taken back fences its owner, and its epoch does not come again",
    run: async (harness) => {
      const first = await own(harness);
      const failOver = await harness.loseFromNow();
      const second = await own(harness, "m2");
      await failOver();
      const { session } = await own(harness, "m3");
      assert.is((await session.renew(second.claim, [], [])).outcome, "fenced");
      const { row } = await session.look([]);
      assert.ok((row?.epoch ?? 0) > first.claim.epoch);
      assert.is.not(row?.epoch, second.claim.epoch);
    },
  },
];
