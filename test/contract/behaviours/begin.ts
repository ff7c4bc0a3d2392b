/** Where an owner begins on a channel, and how the component's group stands there in the eyes of people. */

import * as assert from "uvu/assert";
import type { Settlement } from "../../../src/ports/settle.ts";
import {
  acked,
  at,
  type Behaviour,
  batch,
  channel,
  component,
  entriesOf,
  own,
  startOf,
  tryToOwn,
} from "../behaviour.ts";

export const beginning: readonly Behaviour[] = [
  {
    name: "a channel that the component never had is begun at its oldest entry, or after its newest",
    run: async (harness) => {
      const [, last] = await harness.append(channel, "e1", "e2");
      assert.is((await startOf(harness, "m1", { begin: "$" })).at, last);
      const other = harness.store.open({ component: "other", partition: 0 }, [channel]);
      const { acquired } = await tryToOwn(other, undefined);
      assert.equal(acquired.outcome === "acquired" && acquired.starts, [
        { channel, at: "0-0", entriesRead: 0, open: [], became: "new", lost: 0, begun: [], counts: [] },
      ]);
    },
  },
  {
    name: "the owner is a consumer of the component's group, which stands where the row says",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness, "m1");
      assert.equal(await harness.group(channel, component), { lastDelivered: "0-0", pending: [], consumers: ["m1"] });
      await session.settle(claim, batch(1, [acked([second])], at(second, [first], 2)));
      assert.is((await harness.group(channel, component))?.lastDelivered, second);
      await own(harness, "m2");
      assert.equal((await harness.group(channel, component))?.consumers, ["m2"]);
    },
  },
  {
    name: "a new owner is told what is open, in the order of the stream, and where to read on",
    run: async (harness) => {
      const ids = await harness.append(channel, "e1", "e2", "e3", "e4");
      const [first = "", second = "", third = ""] = ids;
      const { session, claim } = await own(harness);
      await session.settle(claim, batch(1, [acked([third])], at(third, [first, second], 3)));
      const start = await startOf(harness, "m2");
      assert.is(start.at, third);
      assert.equal(start.open, [first, second]);
      assert.is(start.entriesRead, 3);
      assert.is(start.became, "there");
    },
  },
  {
    name: "a stream that ends before the position is another stream: it is begun anew, and what was unfinished is told as lost",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      await session.settle(claim, batch(1, [acked([second])], at(second, [first], 2)));
      await harness.deleteChannel(channel);
      const start = await startOf(harness, "m2");
      assert.equal(
        { at: start.at, open: start.open, became: start.became, lost: start.lost },
        {
          at: "0-0",
          open: [],
          became: "gone",
          lost: 1,
        },
      );
    },
  },
  {
    name: "who else reads in the component's group is named once, and takes nothing with it",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      await session.settle(claim, batch(1, [acked([first])], at(first)));
      await harness.readAs("person", channel, component);
      const renewed = await session.renew(claim, [], []);
      assert.equal(renewed.outcome === "renewed" && renewed.strangers, [{ channel, consumer: "person" }]);
      assert.equal(await harness.group(channel, component), { lastDelivered: first, pending: [], consumers: ["m1"] });
      const again = await session.renew(claim, [], []);
      assert.is(again.outcome === "renewed" && again.strangers, undefined);
      await harness.readAs("person", channel, component);
      await session.settle(claim, batch(2, [acked([second])], at(second, [], 2)));
      assert.is((await harness.group(channel, component))?.lastDelivered, second);
    },
  },
  {
    name: "what waits for a retry is shown again where somebody has acknowledged it, and that is told",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      const park = (id: string): Settlement => ({
        kind: "parked",
        locks: [],
        entries: entriesOf([id]),
        attempt: 1,
        delayMs: 60_000,
      });
      await session.settle(claim, batch(1, [park(first), park(second)], at(second, [], 2)));
      await harness.acknowledge(channel, component, first);
      const renewed = await session.renew(claim, [], []);
      assert.equal(renewed.outcome === "renewed" && renewed.strangers, [{ channel, consumer: "" }]);
      assert.equal((await harness.group(channel, component))?.pending, [first, second]);
    },
  },
  {
    name: "what waited for a retry and is removed before its new owner has read it again is shown until it is passed",
    run: async (harness) => {
      const [first = "", second = "", third = ""] = await harness.append(channel, "e1", "e2", "e3");
      const former = await own(harness);
      const blocked: Settlement = { kind: "blocked", locks: [], entries: entriesOf([first]), attempt: 1, delayMs: 5 };
      await former.session.settle(former.claim, batch(1, [blocked], at("0-0", [], 0)));
      await former.session.release(former.claim, 1);
      const { session, claim } = await own(harness, "m2");
      const shown = (): Promise<number> => harness.pendingCount(channel, component);
      await harness.remove(channel, first);
      await session.renew(claim, [], []);
      assert.is(await shown(), 1, "it may be under way");
      await session.settle(claim, batch(1, [acked([second])], at(second, [first], 2)));
      await session.renew(claim, [], []);
      assert.is(await shown(), 1, "it is open: its owner settles it");
      await session.settle(claim, batch(2, [acked([third])], at(third, [], 3)));
      await session.renew(claim, [], []);
      assert.is(await shown(), 0);
      await session.release(claim, 2);
      assert.equal((await startOf(harness, "m3")).counts, []);
    },
  },
  {
    name: "a group that was destroyed is made again where the row stands, with what is parked, by whoever writes next",
    run: async (harness) => {
      const [first = "", second = "", third = ""] = await harness.append(channel, "e1", "e2", "e3");
      const { session, claim } = await own(harness);
      const park: Settlement = { kind: "parked", locks: [], entries: entriesOf([first]), attempt: 1, delayMs: 60_000 };
      await session.settle(claim, batch(1, [park, acked([second])], at(second, [], 2)));
      const before = await harness.group(channel, component);
      for (const write of [
        () => session.renew(claim, [], []),
        () => session.settle(claim, batch(2, [acked([third])], at(third, [], 3))),
      ]) {
        await harness.destroyGroup(channel, component);
        const written = await write();
        assert.equal("remade" in written && written.remade, [channel]);
      }
      assert.equal(await harness.group(channel, component), { ...before, lastDelivered: third });
      await harness.destroyGroup(channel, component);
      const start = await startOf(harness, "m2");
      assert.is(start.became, "again");
      assert.is(start.at, third);
      assert.equal((await harness.group(channel, component))?.pending, [first]);
    },
  },
  {
    name: "what is under way for long is shown in the group's pending list, and nothing that is finished",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      const late = entriesOf([first, second]);
      await session.renew(claim, [], [{ channel, entryId: first }]);
      assert.equal((await harness.group(channel, component))?.pending, [first]);
      await session.settle(
        claim,
        batch(1, [acked([first], { entries: [{ channel, entryId: first, isNoted: true }] })], at(first)),
      );
      assert.equal((await harness.group(channel, component))?.pending, []);
      await session.renew(claim, [], late);
      assert.equal((await harness.group(channel, component))?.pending, [second]);
    },
  },
  {
    name: "an owner is told with its renewal when a stream ends before what it has read",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const newest = [{ channel, entryId: id, eventId: "e1" }];
      assert.is((await session.renew(claim, newest, [])).outcome, "renewed");
      await harness.deleteChannel(channel);
      assert.is((await session.renew(claim, newest, [])).outcome, "regressed");
    },
  },
];
