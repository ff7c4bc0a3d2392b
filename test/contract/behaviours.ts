/** What every store of slices does, by name. Each behaviour is tried on a store of its own. */

import * as assert from "uvu/assert";
import { compareIds } from "../../src/model/entry-ids.ts";
import { StoreError } from "../../src/model/errors.ts";
import type { NewEntry } from "../../src/ports/append.ts";
import type { Acquired, Claim, OwnerRow, Start } from "../../src/ports/own.ts";
import type { Batch, Output, Position, SettledEntry, Settlement } from "../../src/ports/settle.ts";
import type { Session } from "../../src/ports/slice-store.ts";
import type { Harness } from "./harness.ts";

export interface Behaviour {
  readonly name: string;
  readonly run: (harness: Harness) => Promise<void>;
}

const component = "ledger";
const slice = { component, partition: 0 };
const channel = "payments";

/** An owner of the slice. */
interface Owner {
  readonly session: Session;
  readonly claim: Claim;
  readonly start: Start;
  readonly acquired: Acquired & { outcome: "acquired" };
}

let tokens = 0;

async function tryToOwn(session: Session, seen: OwnerRow | Claim | undefined, member = "m1", more: object = {}) {
  const token = `t${++tokens}`;
  const acquisition = { member, token, seen, highestEpoch: 0, isDeath: false, begin: "0" as const, ...more };
  return { acquired: await session.acquire(acquisition), owner: `${member}/${token}` };
}

async function own({ store }: Harness, member = "m1", more: object = {}): Promise<Owner> {
  const session = store.open(slice, [channel]);
  const { row } = await session.look([]);
  const { acquired, owner } = await tryToOwn(session, row, member, more);
  if (acquired.outcome === "lost") throw new Error("the slice could not be acquired");
  return { session, acquired, claim: { epoch: acquired.epoch, owner }, start: acquired.starts[0] as Start };
}

function entriesOf(ids: readonly string[], isNoted = false): readonly SettledEntry[] {
  return ids.map((entryId) => ({ channel, entryId, isNoted }));
}

function acked(ids: readonly string[], more: Partial<Settlement & { kind: "acked" }> = {}): Settlement {
  return { kind: "acked", locks: [], entries: entriesOf(ids), outputs: [], changes: [], ...more };
}

function output(to: string, id: string, cap = 0): Output {
  const entry: NewEntry = {
    channel: { name: to, dedupeWindowMs: 0, cap },
    values: [id, "1", "", "{}", "", "", "", ""],
  };
  return { partition: 0, entry };
}

function at(position: string, open: readonly string[] = [], entriesRead = 1): Position {
  return { channel, at: position, open, entriesRead };
}

const batch = (number: number, settlements: readonly Settlement[], position: Position): Batch => ({
  number,
  settlements,
  positions: [position],
});

async function startOf(harness: Harness, member: string, more: object = {}): Promise<Start> {
  const { session, start } = await own(harness, member, more);
  session.close();
  return start;
}

const idsOf = (entries: readonly Readonly<Record<string, string>>[]): readonly (string | undefined)[] =>
  entries.map((fields) => fields["id"]);

const refusal = async (call: Promise<unknown>): Promise<void> => {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.instance(outcome, StoreError);
};

const owning: readonly Behaviour[] = [
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
    name: "a channel that the component never had is begun at its oldest entry, or after its newest",
    run: async (harness) => {
      const [, last] = await harness.append(channel, "e1", "e2");
      assert.is((await startOf(harness, "m1", { begin: "$" })).at, last);
      const other = harness.store.open({ component: "other", partition: 0 }, [channel]);
      const { acquired } = await tryToOwn(other, undefined);
      assert.equal(acquired.outcome === "acquired" && acquired.starts, [
        { channel, at: "0-0", entriesRead: 0, open: [], became: "new", lost: 0, counts: [] },
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

const reading: readonly Behaviour[] = [
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

const settling: readonly Behaviour[] = [
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
      const { counts } = await startOf(harness, "m2");
      assert.equal(counts, [{ entryId: id, record: { attempt: 2, starts: 2, dueInMs: 0 } }]);
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

const around: readonly Behaviour[] = [
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
    name: "members' beats grow, who leaves says so, and who is forgotten is gone",
    run: async ({ store }) => {
      const presence = store.presence(component);
      assert.equal([...(await presence.beat("m1", "", []))], [["m1", { beat: 1, hasLeft: false }]]);
      await presence.beat("m2", "", []);
      await presence.beat("m1", "", []);
      await presence.leave("m2");
      const members = await store.presence(component).beat("m3", "", []);
      assert.equal(members.get("m1"), { beat: 2, hasLeft: false });
      assert.is(members.get("m2")?.hasLeft, true);
      assert.equal([...(await presence.beat("m3", "", ["m1", "m2"])).keys()], ["m3"]);
    },
  },
  {
    name: "outsiders are told when the component has finished an entry, how, and when nothing is left",
    run: async (harness) => {
      const [first = "", second = ""] = await harness.append(channel, "e1", "e2");
      const { session, claim } = await own(harness);
      const { signal } = new AbortController();
      const ref = (id: string, entryId: string) => ({ id, entryId, channel, traceparent: "" });
      const finished = harness.store.whenFinished(component, ref("e1", first), signal);
      const idle = harness.store.whenIdle(component, [channel], signal);
      const obituary = { errorCode: "EX", error: "", attempts: 1, traceparent: "" };
      const bury: Settlement = { kind: "buried", locks: [], entries: entriesOf([second]), obituary, isGone: false };
      await session.settle(claim, batch(1, [bury], at(second, [first], 2)));
      assert.is(await harness.store.whenFinished(component, ref("e2", second), signal), "deadLettered");
      await session.settle(claim, batch(2, [acked([first])], at(second, [], 2)));
      assert.is(await finished, "acked");
      await idle;
      const stop = new AbortController();
      await harness.append(channel, "e3");
      const waiting = harness.store.whenIdle(component, [channel], stop.signal);
      stop.abort(new StoreError("over"));
      await refusal(waiting);
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

export const behaviours: readonly Behaviour[] = [...owning, ...reading, ...settling, ...around];
