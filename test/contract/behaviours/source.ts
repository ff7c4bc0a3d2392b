/** A source's slice: it reads no channel, and its batches append events together with the position of an outside system. */

import * as assert from "uvu/assert";
import { positionKey, sliceOfSource } from "../../../src/model/source-names.ts";
import type { Claim } from "../../../src/ports/own.ts";
import type { Batch, Settlement } from "../../../src/ports/settle.ts";
import type { Session } from "../../../src/ports/slice-store.ts";
import { type Behaviour, idsOf, output, tryToOwn } from "../behaviour.ts";
import type { Harness } from "../harness.ts";

interface SourceOwner {
  readonly session: Session;
  readonly claim: Claim;
}

async function ownSource({ store }: Harness, member = "m1", more: object = {}): Promise<SourceOwner> {
  const session = store.open({ component: sliceOfSource("venue"), partition: 0 }, []);
  const { row } = await session.look([]);
  const { acquired, owner } = await tryToOwn(session, row, member, more);
  if (acquired.outcome === "lost") throw new Error("the slice could not be acquired");
  assert.equal(acquired.starts, []);
  return { session, claim: { epoch: acquired.epoch, owner } };
}

function brought(position: string, events: readonly string[], cap = 0): Settlement {
  const outputs = events.map((id) => output("out", id, cap));
  return { kind: "acked", locks: ["position"], entries: [], outputs, changes: [{ ...positionKey, json: position }] };
}

const numbered = (number: number, ...settlements: readonly Settlement[]): Batch => ({
  number,
  settlements,
  positions: [],
});

const positionOf = async ({ session }: SourceOwner): Promise<string | undefined> =>
  (await session.readState([positionKey]))[0];

export const sources: readonly Behaviour[] = [
  {
    name: "events and position of a source are written in one step, once however often it is sent",
    run: async (harness) => {
      const owner = await ownSource(harness);
      assert.is(await positionOf(owner), undefined);
      const batch = numbered(1, brought("7", ["e6", "e7"]), brought("8", ["e8"]), brought("9", []));
      const reply = await owner.session.settle(owner.claim, batch);
      if (reply.outcome !== "settled") throw new Error(reply.outcome);
      assert.equal(
        reply.results.map((result) => (result.outcome === "settled" ? result.ids.length : result)),
        [2, 1, 0],
      );
      assert.equal(await owner.session.settle(owner.claim, batch), reply);
      assert.equal(idsOf(await harness.entries("out")), ["e6", "e7", "e8"]);
      assert.is(await positionOf(owner), "9");
    },
  },
  {
    name: "a former owner's append writes neither events nor position, and the next owner reads what the last one wrote",
    run: async (harness) => {
      const former = await ownSource(harness);
      await former.session.settle(former.claim, numbered(1, brought("1", ["e1"])));
      const next = await ownSource(harness, "m2", { isDeath: true });
      assert.is((await former.session.settle(former.claim, numbered(2, brought("2", ["e2"])))).outcome, "fenced");
      assert.is(await positionOf(next), "1");
      assert.is((await next.session.settle(next.claim, numbered(1, brought("2", ["e2'"])))).outcome, "settled");
      assert.equal(idsOf(await harness.entries("out")), ["e1", "e2'"]);
    },
  },
  {
    name: "a full channel refuses an append with its position, and the appends after it",
    run: async (harness) => {
      const owner = await ownSource(harness);
      const batch = numbered(1, brought("1", ["e1"], 2), brought("3", ["e2", "e3"], 2), brought("4", []));
      const reply = await owner.session.settle(owner.claim, batch);
      if (reply.outcome !== "settled") throw new Error(reply.outcome);
      assert.equal(
        reply.results.map(({ outcome }) => outcome),
        ["settled", "refused", "refused"],
      );
      assert.equal(idsOf(await harness.entries("out")), ["e1"]);
      assert.is(await positionOf(owner), "1");
    },
  },
  {
    name: "while memory is full an append is refused as a whole, a position by itself too; the same number is written later, once",
    run: async (harness) => {
      const owner = await ownSource(harness);
      await owner.session.settle(owner.claim, numbered(1, brought("1", ["e1"])));
      const empty = await harness.fill();
      const [events, alone] = [numbered(2, brought("2", ["e2"])), numbered(2, brought("2", []))];
      assert.is((await owner.session.settle(owner.claim, alone)).outcome, "refused");
      assert.is((await owner.session.settle(owner.claim, events)).outcome, "refused");
      assert.is((await owner.session.renew(owner.claim, [], [])).outcome, "renewed");
      assert.is(await positionOf(owner), "1");
      await empty();
      const reply = await owner.session.settle(owner.claim, events);
      assert.is(reply.outcome, "settled");
      assert.equal(await owner.session.settle(owner.claim, events), reply);
      assert.equal(idsOf(await harness.entries("out")), ["e1", "e2"]);
      assert.is(await positionOf(owner), "2");
    },
  },
  {
    name: "a failover takes back events and position together, and the number tells it",
    run: async (harness) => {
      const owner = await ownSource(harness);
      await owner.session.settle(owner.claim, numbered(1, brought("1", ["e1"])));
      const failover = await harness.loseFromNow();
      await owner.session.settle(owner.claim, numbered(2, brought("2", ["e2"])));
      await failover();
      assert.equal(idsOf(await harness.entries("out")), ["e1"]);
      const again = await ownSource(harness, "m1");
      assert.is(await positionOf(again), "1");
    },
  },
  {
    name: "a source's slice is renewed, wanted and released like any other",
    run: async (harness) => {
      const { session, claim } = await ownSource(harness);
      await session.settle(claim, numbered(1, brought("1", ["e1"])));
      await session.want(claim, "m2");
      assert.equal(await session.renew(claim, [], []), { outcome: "renewed", wanted: "m2", remade: [] });
      assert.is(await session.release(claim, 0), false);
      assert.is(await session.release(claim, 1), true);
      assert.is((await session.look([])).row?.owner, "");
    },
  },
];
