/** Relays: outputs for another partition wait at their source, and arrive at the other node once, in their order. */

import * as assert from "uvu/assert";
import type { Claim } from "../../../src/ports/own.ts";
import type { RelayBatch, RelayedOutput } from "../../../src/ports/relay.ts";
import type { Output } from "../../../src/ports/settle.ts";
import type { Session } from "../../../src/ports/slice-store.ts";
import { acked, at, type Behaviour, batch, channel, component, idsOf, output, own, slice } from "../behaviour.ts";
import type { Harness } from "../harness.ts";

const other = 1;

function elsewhere(to: string, id: string, cap = 0): Output {
  return { ...output(to, id, cap), partition: other };
}

interface Relayed {
  readonly session: Session;
  readonly claim: Claim;
  readonly outputs: readonly RelayedOutput[];
}

/** Settles events, each with an output of this id for the other partition, and gives what is in the relay then. */
async function relayed(harness: Harness, ids: readonly string[], cap = 0): Promise<Relayed> {
  const { session, claim } = await own(harness);
  for (const [i, id] of ids.entries()) {
    const [entryId = ""] = await harness.append(channel, `of-${id}`);
    const settlement = acked([entryId], { outputs: [elsewhere("out", id, cap)] });
    const reply = await session.settle(claim, batch(i + 1, [settlement], at(entryId, [], i + 1)));
    if (reply.outcome !== "settled") throw new Error(reply.outcome);
    assert.equal(reply.results, [{ outcome: "settled", ids: [""] }]);
  }
  const { outputs } = await session.relayed(other, undefined, 100);
  return { session, claim, outputs };
}

const batchOf = (outputs: readonly RelayedOutput[], more: Partial<RelayBatch> = {}): RelayBatch => ({
  ...{ epoch: 10, number: 1, after: "0-0", outputs },
  ...more,
});

const lastOf = (outputs: readonly RelayedOutput[]): string => outputs.at(-1)?.id ?? "";

export const relaying: readonly Behaviour[] = [
  {
    name: "an output for another partition waits in the relay, in the order of the settlements, and one of the own partition does not",
    run: async (harness) => {
      const { session, claim, outputs } = await relayed(harness, ["o1", "o2"]);
      assert.equal(
        outputs.map(({ fields }) => fields.slice(0, 6)),
        [
          ["channel", "out", "cap", "0", "id", "o1"],
          ["channel", "out", "cap", "0", "id", "o2"],
        ],
      );
      assert.equal(await harness.entries("out", other), []);
      const [id = ""] = await harness.append(channel, "e3");
      const both = acked([id], { outputs: [output("out", "own"), elsewhere("out", "o3")] });
      const reply = await session.settle(claim, batch(3, [both], at(id, [], 3)));
      assert.is(reply.outcome === "settled" && reply.results[0]?.outcome === "settled" && reply.results[0].ids[1], "");
      assert.equal(idsOf(await harness.entries("out")), ["own"]);
      assert.is((await session.relayed(other, lastOf(outputs), 100)).outputs.length, 1);
    },
  },
  {
    name: "outputs arrive once however often they are sent, and in their order",
    run: async (harness) => {
      const { outputs } = await relayed(harness, ["o1", "o2", "o3"]);
      const target = harness.store.openRelay(slice, other);
      const moved = { outcome: "moved", count: 2, reason: "" };
      assert.equal(await target.append(batchOf(outputs.slice(0, 2))), moved);
      assert.equal(await target.append(batchOf(outputs.slice(0, 2), { number: 2 })), moved);
      const rest = batchOf(outputs.slice(1), { number: 3, after: outputs[0]?.id ?? "" });
      assert.equal(await target.append(rest), moved);
      assert.equal(idsOf(await harness.entries("out", other)), ["o1", "o2", "o3"]);
      target.close();
    },
  },
  {
    name: "a later owner and a later sending fence those before them",
    run: async (harness) => {
      const { outputs } = await relayed(harness, ["o1", "o2"]);
      const target = harness.store.openRelay(slice, other);
      await target.append(batchOf(outputs.slice(0, 1), { number: 2 }));
      assert.equal(await target.append(batchOf(outputs, { number: 1 })), { outcome: "fenced", epoch: 10 });
      await target.append(batchOf([], { epoch: 11 }));
      assert.equal(await target.append(batchOf(outputs, { number: 3 })), { outcome: "fenced", epoch: 11 });
      assert.equal(idsOf(await harness.entries("out", other)), ["o1"]);
      target.close();
    },
  },
  {
    name: "a source that has gone back and settles again gives its outputs other ids: they are known by those of their events",
    run: async (harness) => {
      const { session, claim, outputs } = await relayed(harness, ["o1", "o2"]);
      const target = harness.store.openRelay(slice, other);
      await target.append(batchOf(outputs));
      const [id = ""] = await harness.append(channel, "again");
      const settlement = acked([id], { outputs: [elsewhere("out", "o2"), elsewhere("out", "o3")] });
      await session.settle(claim, batch(3, [settlement], at(id, [], 3)));
      const { outputs: again } = await session.relayed(other, lastOf(outputs), 100);
      assert.equal(await target.append(batchOf(again, { number: 2 })), { outcome: "moved", count: 2, reason: "" });
      assert.equal(idsOf(await harness.entries("out", other)), ["o1", "o2", "o3"]);
      target.close();
    },
  },
  {
    name: "a node that has gone back says how far it is, and takes what is sent again",
    run: async (harness) => {
      const { outputs } = await relayed(harness, ["o1", "o2", "o3"]);
      const [first, second, third] = outputs as [RelayedOutput, RelayedOutput, RelayedOutput];
      const target = harness.store.openRelay(slice, other);
      await target.append(batchOf([first]));
      const behind = await target.append(batchOf([third], { number: 2, after: second.id }));
      assert.equal(behind, { outcome: "behind", last: first.id });
      assert.equal(idsOf(await harness.entries("out", other)), ["o1"]);
      await target.append(batchOf([second, third], { number: 3, after: first.id }));
      assert.equal(idsOf(await harness.entries("out", other)), ["o1", "o2", "o3"]);
      target.close();
    },
  },
  {
    name: "a full channel takes what it has room for, and says why not the rest",
    run: async (harness) => {
      const { outputs } = await relayed(harness, ["o1", "o2", "o3"], 2);
      const target = harness.store.openRelay(slice, other);
      const reply = await target.append(batchOf(outputs));
      assert.is(reply.outcome === "moved" && reply.count, 2);
      assert.match((reply as { reason: string }).reason, /full/);
      assert.equal(idsOf(await harness.entries("out", other)), ["o1", "o2"]);
      target.close();
    },
  },
  {
    name: "what was moved is noted by the owner alone, kept for a while, and passed over by the next owner",
    run: async (harness) => {
      const { session, claim, outputs } = await relayed(harness, ["o1", "o2"]);
      const [first, second] = outputs as [RelayedOutput, RelayedOutput];
      assert.is(await session.moved({ ...claim, epoch: claim.epoch - 1 }, other, first.id), false);
      assert.is(await session.moved(claim, other, first.id), true);
      const next = await own(harness, "m2");
      assert.is(await session.moved(claim, other, second.id), false);
      assert.equal(await next.session.relayed(other, undefined, 100), { after: first.id, outputs: [second] });
      assert.is((await next.session.relayed(other, "0-0", 100)).outputs.length, 2);
    },
  },
  {
    name: "a component is idle once its relays are empty",
    run: async (harness) => {
      const { session, claim, outputs } = await relayed(harness, ["o1"]);
      const whenIdle = (): Promise<boolean> => {
        const signal = AbortSignal.timeout(200);
        return harness.store.whenIdle(component, [channel], signal).then(
          () => true,
          () => false,
        );
      };
      assert.is(await whenIdle(), false);
      await session.moved(claim, other, lastOf(outputs));
      assert.is(await whenIdle(), true);
    },
  },
];
