/** Keys of a wrong type and permissions that are withdrawn under load: entries stay pending, an alarm says so, and all recovers. */

import * as assert from "uvu/assert";
import { PublishError } from "../../src/index.ts";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { compareIds } from "../../src/model/entry-ids.ts";
import { eventually } from "../support/eventually.ts";
import { type Load, middle, out, startLoad } from "../support/load.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

/** The oldest entry of a channel that the component has not finished before its position; else the position. */
async function oldestOpen({ o }: Load, component: string, channel: string): Promise<string> {
  const [at, open] = await o.client.hmget(o.keys.owner(0, component), `at:${channel}`, `open:${channel}`);
  const ids = (open ?? "").replaceAll("!", "").split(" ");
  return ids.filter((id) => id !== "").reduce((oldest, id) => (compareIds(id, oldest) < 0 ? id : oldest), at ?? "0-0");
}

/** Resolves when a component has reported, after `from` lines, that Redis refuses it for this reason, and has not finished its oldest entry while more came in. */
async function untilAlarm(
  load: Load,
  component: string,
  channel: { readonly name: string },
  reason: RegExp,
  from: number,
): Promise<void> {
  const isAlarm = ({ level, fields }: Load["log"][number]): boolean =>
    level === "error" && fields["component"] === component && reason.test(String(fields["reason"]));
  await eventually(() => load.log.slice(from).some(isAlarm), 15_000);
  const oldest = await oldestOpen(load, component, channel.name);
  const { acknowledged } = load;
  await eventually(() => load.acknowledged >= acknowledged + 100);
  assert.is(await oldestOpen(load, component, channel.name), oldest);
  const [newest] = await load.o.client.xrevrange(load.o.stream(channel), "+", "-", "COUNT", 1);
  assert.ok(compareIds(newest?.[0] ?? "0-0", oldest) > 0, `nothing waits after ${oldest}`);
}

test(
  "keeps entries pending while the key of their outputs has a wrong type",
  async () => {
    await using load = await startLoad({ order: "handling" });
    const { client, stream } = load.o;
    const from = load.log.length;
    // Both in one step: an entry appended in between would be lost.
    await client
      .multi()
      .rename(stream(out), `${stream(out)}:aside`)
      .set(stream(out), "a string")
      .exec();
    await untilAlarm(load, "second", middle, /is a string, not a stream/, from);
    await client.rename(`${stream(out)}:aside`, stream(out));
    await load.goOn(100);
    await load.finishClean();
  },
  { timeoutMs: 40_000 },
);

test(
  "keeps a dead entry pending while the key of the dead letters has a wrong type, and its neighbours go on",
  async () => {
    await using load = await startLoad({ order: "handling" });
    const { client, keys } = load.o;
    const dead = keys.dead(0, "source", "first");
    await client.hset(dead, "not", "a stream");
    await load.o.write({ name: "source" }, "nonsense", "without a payload");
    await eventually(() => load.log.some(({ fields }) => /is a hash, not a stream/.test(String(fields["reason"]))));
    await load.goOn(100);
    assert.is(await client.xlen(dead).catch(() => "refused"), "refused");
    await client.del(dead);
    await eventually(async () => (await client.xlen(dead)) === 1);
    const violations = await load.finish();
    // The entry that was written without the publisher.
    assert.equal(
      violations.map(({ kind }) => kind),
      ["refused"],
    );
  },
  { timeoutMs: 40_000 },
);

test(
  "keeps entries pending while the permission for their outputs, or to acknowledge, is withdrawn",
  async () => {
    await using redis = await startPrivateRedis();
    await using load = await startLoad({ url: redis.url, order: "handling" });
    const { client, stream } = load.o;
    const deny = async (rule: string): Promise<void> => void (await client.call("ACL", "SETUSER", "default", rule));
    for (const [rule, again] of [
      ["-xack", "+xack"],
      ["-hset", "+hset"],
    ] as const) {
      const from = load.log.length;
      await deny(rule);
      try {
        await untilAlarm(load, "first", { name: "source" }, /NOPERM|permission|can't/, from);
      } finally {
        await deny(again);
      }
      await load.goOn(100);
    }
    await deny("-xadd");
    try {
      const error = await rejects(load.o.backbone.publish(out, { n: -1 }), PublishError);
      assert.is(error.outcome, "rejected");
    } finally {
      await deny("+xadd");
    }
    await load.goOn(100);
    const from = load.log.length;
    // Only some of the keys: "middle" can no longer be read or written, while "source" and "out" can.
    await client.call(
      "ACL",
      "SETUSER",
      "default",
      "resetkeys",
      "~*source*",
      "~*out*",
      "~*members*",
      "~*owner*",
      "~*numbers*",
      "~*state*",
      "~*settled*",
      "~*trimmed*",
      "~*meta*",
      "~*bull*",
    );
    try {
      await untilAlarm(load, "first", { name: "source" }, /NOPERM|permission|can't/, from);
    } finally {
      await deny("allkeys");
    }
    assert.ok(stream(middle).length > 0);
    await load.goOn(100);
    await load.finishClean();
  },
  { timeoutMs: 60_000 },
);
