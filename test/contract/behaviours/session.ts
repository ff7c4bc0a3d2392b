/** How a session answers: in order, each call once, and none after its end. */

import * as assert from "uvu/assert";
import { compareIds } from "../../../src/model/entry-ids.ts";
import { acked, at, type Behaviour, batch, channel, idsOf, output, own, refusal } from "../behaviour.ts";

export const answering: readonly Behaviour[] = [
  {
    name: "of a session that is closed every call rejects",
    run: async (harness) => {
      const { session, claim } = await own(harness);
      const reading = session.read([{ channel, after: "0-0" }], 1, 60_000);
      session.close();
      await refusal(reading);
      await refusal(session.look([]));
      await refusal(session.renew(claim, [], []));
      await refusal(session.settle(claim, batch(1, [], at("0-0"))));
      await refusal(session.fetch([]));
    },
  },
  {
    name: "calls are answered in their order, each with its own answer",
    run: async (harness) => {
      const ids = await harness.append(channel, "e1", "e2");
      const [first = "", second = ""] = ids;
      const { session, claim } = await own(harness);
      const answers: unknown[] = [];
      const note = async (call: Promise<unknown>): Promise<void> => void answers.push(await call);
      await Promise.all([
        note(session.fetch([{ channel, entryId: first }]).then(([entry]) => entry?.fields[1])),
        note(session.settle(claim, batch(1, [acked([first])], at(first))).then(({ outcome }) => outcome)),
        note(session.look([]).then(({ row }) => row?.seq)),
        note(session.settle(claim, batch(2, [acked([second])], at(second, [], 2))).then(({ outcome }) => outcome)),
        note(session.look([]).then(({ row }) => row?.seq)),
        note(session.renew(claim, [], []).then(({ outcome }) => outcome)),
      ]);
      assert.equal(answers, ["e1", "settled", 1, "settled", 2, "renewed"]);
    },
  },
  {
    name: "no call is done twice",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const beatOf = async (): Promise<number> => (await session.look([])).row?.beat ?? 0;
      const before = await beatOf();
      await Promise.all([1, 2, 3].map(() => session.renew(claim, [], [])));
      assert.is(await beatOf(), before + 3);
      await session.count(claim, { channel, entryId: id }, 1);
      const counted = await session.count(claim, { channel, entryId: id }, 2);
      assert.is(counted?.attempt, 2);
      assert.is(counted?.starts, 2);
      await session.settle(claim, batch(1, [acked([id], { outputs: [output("out", "o1")] })], at(id)));
      assert.is(await beatOf(), before + 4);
      assert.equal(idsOf(await harness.entries("out")), ["o1"]);
    },
  },
  {
    name: "no answer is older than its question, nor from another epoch",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      let former = await own(harness, "m1");
      for (const member of ["m2", "m1", "m2", "m1"]) {
        const owner = await own(harness, member);
        const { row } = await owner.session.look([]);
        assert.is(row?.owner, owner.claim.owner);
        const [looked, renewed, settled, counted] = await Promise.all([
          former.session.look([]),
          former.session.renew(former.claim, [], []),
          former.session.settle(former.claim, batch(1, [acked([id])], at(id))),
          former.session.count(former.claim, { channel, entryId: id }, 1),
        ]);
        assert.equal(looked.row, row);
        assert.equal(renewed, { outcome: "fenced", row });
        assert.equal(settled, { outcome: "fenced", row });
        assert.is(counted, undefined);
        assert.is((await owner.session.renew(owner.claim, [], [])).outcome, "renewed");
        former.session.close();
        former = owner;
      }
    },
  },
  {
    name: "entry ids rise whatever the clock does",
    run: async (harness) => {
      const [first = ""] = await harness.append(channel, "e1");
      await harness.setClock(-3_600_000);
      const [second = ""] = await harness.append(channel, "e2");
      assert.ok(compareIds(first, second) < 0);
    },
  },
];
