/** What a store refuses inside a batch, and what becomes of it. */

import * as assert from "uvu/assert";
import type { Settlement } from "../../../src/ports/settle.ts";
import { acked, at, type Behaviour, batch, channel, entriesOf, idsOf, output, own, startOf } from "../behaviour.ts";

export const refusing: readonly Behaviour[] = [
  {
    name: "what cannot be written is refused alone, is named as open, and holds what comes later of its lane in the batch",
    run: async (harness) => {
      const ids = await harness.append(channel, "e1", "e2", "e3", "e4");
      const [first = "", second = "", third = "", fourth = ""] = ids;
      const { session, claim } = await own(harness);
      const restore = await harness.spoil("out");
      const refused = acked([first], {
        locks: ["a"],
        outputs: [output("out", "o1")],
        changes: [{ store: "s", key: "k", json: "1" }],
      });
      const later = acked([second], { locks: ["a"], changes: [{ store: "s", key: "k", json: "2" }] });
      const other = acked([third], { locks: ["b"], outputs: [output("sound", "o3")] });
      const reply = await session.settle(claim, batch(1, [refused, later, other], at(third, [], 3)));
      if (reply.outcome !== "settled") throw new Error(reply.outcome);
      assert.equal(
        reply.results.map(({ outcome }) => outcome),
        ["refused", "refused", "settled"],
      );
      assert.equal(await session.readState([{ store: "s", key: "k" }]), [undefined]);
      // The next batch was made before that was known: it does not name them.
      await session.settle(claim, batch(2, [acked([fourth])], at(fourth, [], 4)));
      assert.equal((await startOf(harness, "m2")).open, [first, second]);
      await restore();
      const next = await own(harness, "m3");
      await next.session.settle(next.claim, batch(1, [refused, later], at(fourth, [], 4)));
      assert.equal((await startOf(harness, "m4")).open, []);
      assert.equal(idsOf(await harness.entries("out")), ["o1"]);
    },
  },
  {
    name: "what was refused stays open until it is settled, whatever batches come between",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      const restore = await harness.spoil("out");
      const settlement = (isNoted: boolean): Settlement =>
        acked([first], { entries: entriesOf([first], isNoted), outputs: [output("out", "o1")] });
      await session.settle(claim, batch(1, [settlement(false)], at(first)));
      await restore();
      await session.settle(claim, batch(2, [acked([second])], at(second, [], 2)));
      await session.settle(claim, batch(3, [settlement(true)], at(second, [], 2)));
      assert.equal((await startOf(harness, "m2")).open, []);
    },
  },
  {
    name: "outputs beyond a channel's hard cap are refused, all of a settlement or none",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      const two = acked([first], { outputs: [output("out", "o1", 1), output("out", "o2", 1)] });
      const one = acked([second], { outputs: [output("out", "o3", 1)] });
      const reply = await session.settle(claim, batch(1, [two, one], at(second, [], 2)));
      assert.equal(reply.outcome === "settled" && reply.results.map(({ outcome }) => outcome), ["refused", "settled"]);
      assert.equal(idsOf(await harness.entries("out")), ["o3"]);
    },
  },
];
