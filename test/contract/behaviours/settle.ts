/** Settling a batch: in one step, once, and only by who owns the slice. */

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
  idsOf,
  output,
  own,
  tryToOwn,
} from "../behaviour.ts";

export const settling: readonly Behaviour[] = [
  {
    name: "outputs, state and position are settled in one step, and the outputs' ids are told",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const settlement = acked([id], {
        outputs: [output("out", "o1"), output("out", "o2")],
        changes: [{ store: "s", key: "k", json: "1" }],
      });
      const reply = await session.settle(claim, batch(1, [settlement], at(id)));
      if (reply.outcome !== "settled") throw new Error(reply.outcome);
      const [result] = reply.results;
      assert.is(result?.outcome === "settled" && result.ids.length, 2);
      assert.equal(idsOf(await harness.entries("out")), ["o1", "o2"]);
      assert.equal(await session.readState([{ store: "s", key: "k" }]), ["1"]);
      assert.is((await session.look([])).row?.seq, 1);
    },
  },
  {
    name: "a batch that is sent again has its effect once, and gets the first reply",
    run: async (harness) => {
      const ids = await harness.append(channel, "e1", "e2", "e3");
      const { session, claim } = await own(harness);
      const batches = ids.map((id, i) =>
        batch(i + 1, [acked([id], { outputs: [output("out", `o${i}`)] })], at(id, [], i + 1)),
      );
      const replies = [];
      for (const one of batches) replies.push(await session.settle(claim, one));
      for (const [i, one] of batches.entries()) assert.equal(await session.settle(claim, one), replies[i]);
      assert.equal(idsOf(await harness.entries("out")), ["o0", "o1", "o2"]);
    },
  },
  {
    name: "a batch before which one is missing is not written, and the last number is told",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const ahead = batch(2, [acked([id], { outputs: [output("out", "o1")] })], at(id));
      assert.equal(await session.settle(claim, ahead), { outcome: "ahead", seq: 0 });
      assert.equal(await harness.entries("out"), []);
    },
  },
  {
    name: "numbers begin anew with every acquisition",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      await session.settle(claim, batch(1, [acked([first])], at(first)));
      const next = await own(harness, "m2");
      assert.is((await next.session.look([])).row?.seq, 0);
      const reply = await next.session.settle(next.claim, batch(1, [acked([second])], at(second, [], 2)));
      assert.is(reply.outcome, "settled");
    },
  },
  {
    name: "while memory is full owners are renewed, made and freed, and what only acknowledges is settled",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      const free = await harness.fill();
      const effects = batch(1, [acked([second], { outputs: [output("out", "o1")] })], at(second, [first], 2));
      assert.is((await session.settle(claim, effects)).outcome, "refused");
      assert.is((await session.renew(claim, [], [])).outcome, "renewed");
      await session.want(claim, "m2");
      const { acquired, owner } = await tryToOwn(session, claim);
      if (acquired.outcome !== "acquired") throw new Error("it was not taken");
      const again = { epoch: acquired.epoch, owner };
      assert.is((await session.settle(again, batch(1, [acked([first])], at(first)))).outcome, "settled");
      assert.is(await session.release(again, 1), true);
      await free();
      assert.equal(await harness.entries("out"), []);
    },
  },
  {
    name: "nothing is settled of a batch whose newest entry the server has lost",
    run: async (harness) => {
      const [first = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const failOver = await harness.loseFromNow();
      const [second = ""] = await harness.append(channel, "e2");
      await failOver();
      for (const later of [[], ["e3"]]) {
        await harness.append(channel, ...later);
        const settlements = [acked([first], { outputs: [output("out", "o1")] }), acked([second])];
        assert.equal(await session.settle(claim, batch(1, settlements, at(second, [], 2))), { outcome: "regressed" });
      }
      assert.equal(await harness.entries("out"), []);
      assert.is((await session.look([])).row?.seq, 0);
    },
  },
  {
    name: "an entry that somebody has removed while it was handled is settled with what its handler did",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      for (const [i, id] of [second, first].entries()) {
        await harness.remove(channel, id);
        const settlement = acked([id], { outputs: [output("out", `o${i}`)] });
        assert.is((await session.settle(claim, batch(i + 1, [settlement], at(second)))).outcome, "settled");
      }
      assert.equal(idsOf(await harness.entries("out")), ["o0", "o1"]);
    },
  },
  {
    name: "nothing is settled of a batch that buries as gone what is in the log",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      await harness.remove(channel, id);
      const obituary = { errorCode: "EX", error: "", attempts: 0, traceparent: "" };
      const bury: Settlement = { kind: "buried", locks: [], entries: entriesOf([id]), obituary, isGone: true };
      const [there = ""] = await harness.append(channel, "e2");
      const settlements = [bury, { ...bury, entries: entriesOf([there]) }];
      assert.equal(await session.settle(claim, batch(1, settlements, at(there))), { outcome: "regressed" });
      assert.equal(await harness.letters(channel, component), []);
      const reply = await session.settle(claim, batch(1, [bury], at(id)));
      assert.equal(reply, { outcome: "settled", results: [{ outcome: "settled", ids: [] }], wanted: "", remade: [] });
    },
  },
  {
    name: "nothing is written of a batch whose source may not be acknowledged on, dead letters neither",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const allow = await harness.forbid(channel);
      const obituary = { errorCode: "EX", error: "", attempts: 1, traceparent: "" };
      const bury: Settlement = { kind: "buried", locks: [], entries: entriesOf([id]), obituary, isGone: false };
      for (let tries = 0; tries < 2; tries++)
        assert.is((await session.settle(claim, batch(1, [bury], at(id)))).outcome, "refused");
      await allow();
      assert.equal(await harness.letters(channel, component), []);
      assert.is((await session.settle(claim, batch(1, [bury], at(id)))).outcome, "settled");
      assert.is((await harness.letters(channel, component)).length, 1);
    },
  },
];
