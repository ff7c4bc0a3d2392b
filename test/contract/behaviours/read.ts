/** Reading by cursor: entries, what is due, and state. */

import * as assert from "uvu/assert";
import { StoreError } from "../../../src/model/errors.ts";
import type { Settlement } from "../../../src/ports/settle.ts";
import { acked, at, type Behaviour, batch, channel, entriesOf, own, slice } from "../behaviour.ts";

export const reading: readonly Behaviour[] = [
  {
    name: "entries are read after the cursors, those of a channel in its order, up to so many of each",
    run: async (harness) => {
      const ids = await harness.append(channel, "e1", "e2", "e3");
      const more = await harness.append("other", "o1", "o2");
      const session = harness.store.open(slice, [channel, "other"]);
      const cursors = [
        { channel, after: ids[0] ?? "" },
        { channel: "other", after: "0-0" },
      ];
      const read = await session.read(cursors, 1, 0);
      assert.equal(
        read.map(({ entryId }) => entryId),
        [ids[1], more[0]],
      );
      assert.equal((await session.read(cursors, 10, 0)).length, 4);
    },
  },
  {
    name: "who reads on from the last entry is given each once, in the order of the log",
    run: async (harness) => {
      const { session } = await own(harness);
      const given: string[] = [];
      const appended: string[] = [];
      let after = "0-0";
      for (let round = 1; round <= 5; round++) {
        appended.push(...(await harness.append(channel, ...Array.from({ length: round }, (_, i) => `e${round}-${i}`))));
        while (given.length < appended.length) {
          for (const { entryId } of await session.read([{ channel, after }], 2, 1_000)) {
            given.push(entryId);
            after = entryId;
          }
        }
      }
      assert.equal(given, appended);
    },
  },
  {
    name: "a read waits for what comes, and ends with nothing in its time",
    run: async (harness) => {
      const session = harness.store.open(slice, [channel]);
      const cursors = [{ channel, after: "0-0" }];
      const waiting = session.read(cursors, 10, 5_000);
      await harness.pass(20);
      const [id] = await harness.append(channel, "e1");
      assert.equal(
        (await waiting).map(({ entryId }) => entryId),
        [id],
      );
      const vain = session.read([{ channel, after: id ?? "" }], 10, 50);
      await harness.pass(200);
      assert.equal(await vain, []);
    },
  },
  {
    name: "a read that is called while another waits takes its place, and has an answer of its own",
    run: async (harness) => {
      const session = harness.store.open(slice, [channel]);
      const [first = ""] = await harness.append(channel, "e1");
      const waiting = session.read([{ channel, after: first }], 10, 5_000);
      const left = waiting.catch((reason: unknown) => reason);
      await harness.pass(20);
      const all = session.read([{ channel, after: "0-0" }], 10, 5_000);
      const [second = ""] = await harness.append(channel, "e2");
      assert.instance(await left, StoreError);
      const given = await all;
      assert.is(given[0]?.entryId, first);
      // Whoever is behind the second append has it now, the other with the next read.
      const more = given.length === 2 ? given.slice(1) : await session.read([{ channel, after: first }], 10, 5_000);
      assert.equal(
        more.map(({ entryId }) => entryId),
        [second],
      );
      assert.is((await session.look([])).row, undefined); // the session itself is not lost
    },
  },
  {
    name: "entries are fetched in the order that is asked for; one that was removed has no fields",
    run: async (harness) => {
      const [first = "", second = "", third = ""] = await harness.append(channel, "e1", "e2", "e3");
      await harness.remove(channel, second);
      const session = harness.store.open(slice, [channel]);
      const fetched = await session.fetch([third, second, first].map((entryId) => ({ channel, entryId })));
      assert.equal(
        fetched.map(({ entryId }) => entryId),
        [third, second, first],
      );
      assert.equal(
        fetched.map(({ fields }) => fields.slice(0, 2)),
        [["id", "e3"], [], ["id", "e1"]],
      );
    },
  },
  {
    name: "parked retries are due in their time, the longest due first, and at once when the clock was set back since",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      const park = (id: string, delayMs: number): Settlement => ({
        kind: "parked",
        locks: [],
        entries: entriesOf([id]),
        attempt: 1,
        delayMs,
      });
      await session.settle(claim, batch(1, [park(first, 300), park(second, 100)], at(second, [], 2)));
      const due = async (): Promise<readonly string[]> => (await session.due(1_000, 10)).map(({ entryId }) => entryId);
      assert.equal(await due(), []);
      await harness.pass(600);
      assert.equal(await due(), [second, first]);
      assert.equal(
        (await session.due(1_000, 1)).map(({ record }) => record),
        [{ attempt: 1, starts: 0, dueInMs: 0 }],
      );
      await harness.setClock(-3_600_000);
      assert.equal(await due(), [second, first]);
    },
  },
  {
    name: "state is read as it was last settled, by store and key",
    run: async (harness) => {
      const [id = ""] = await harness.append(channel, "e1");
      const { session, claim } = await own(harness);
      const change = (json: string | undefined) => [{ store: "balances", key: "acme", json }];
      const keys = ["acme", "none"].map((key) => ({ store: "balances", key }));
      await session.settle(claim, batch(1, [acked([id], { changes: change("42") })], at(id)));
      assert.equal(await session.readState([...keys, { store: "other", key: "acme" }]), ["42", undefined, undefined]);
      await session.settle(claim, batch(2, [acked([id], { changes: change(undefined) })], at(id)));
      assert.equal(await session.readState(keys), [undefined, undefined]);
    },
  },
];
