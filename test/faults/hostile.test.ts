/** Entries with any content are rejected or dead-lettered under load, and the process lives. */

import * as assert from "uvu/assert";
import { z } from "zod";
import { defineChannel, on, PayloadError, withBaggage } from "../../src/index.ts";
import { things } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { source, startLoad } from "../support/load.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";

/** Entries as another program might write them, and whether the handler may receive them. */
const hostile: Readonly<Record<string, readonly [fields: readonly (string | Buffer)[], isHandled: boolean]>> = {
  "a payload of 10 MB": [["payload", `{"n":1,"key":"${"x".repeat(10 * 1_048_576)}"}`], false],
  "a payload 100,000 deep": [["payload", `${"[".repeat(100_000)}${"]".repeat(100_000)}`], false],
  "a payload 100,000 deep that never ends": [["payload", "[".repeat(100_000)], false],
  "a key named __proto__": [["payload", '{"n":1,"__proto__":{"isAdmin":true}}'], false],
  "an escaped key named __proto__": [["payload", '{"n":1,"\\u005f_proto__":{"isAdmin":true}}'], false],
  "a key named constructor, deep inside": [["payload", '{"n":1,"key":{"constructor":{"prototype":{}}}}'], false],
  "a payload that is no JSON": [["payload", "{n:1"], false],
  "an empty payload": [["payload", ""], false],
  "another type": [["payload", '"one"'], false],
  "a number beyond all numbers": [["payload", '{"n":1e999}'], false],
  "invalid UTF-8": [["payload", Buffer.from([0x7b, 0x22, 0x6e, 0x22, 0x3a, 0xff, 0xfe, 0x7d])], false],
  "a key of invalid UTF-8": [["key", Buffer.from([0x6b, 0xff]), "payload", '{"n":1}'], false],
  "no payload at all": [["nonsense", "1"], false],
  "names without end": [["x".repeat(100_000), "1"], false],
  "5,000 fields": [Array.from({ length: 10_000 }, (_, i) => `f${i}`), false],
  "1 MB of baggage": [["payload", '{"n":1}', "baggage", `a=${"b".repeat(1_048_576)}`], true],
  "10,000 baggage members": [
    ["payload", '{"n":1}', "baggage", Array.from({ length: 10_000 }, (_, i) => `k${i}=v`).join()],
    true,
  ],
  "a traceparent of rubbish": [["payload", '{"n":1}', "traceparent", "00-zz-\u0000-", "tracestate", "=,=,="], true],
  "a traceparent of 1 MB": [["payload", '{"n":1}', "traceparent", "0".repeat(1_048_576)], true],
  "causes of rubbish": [["payload", '{"n":1}', "causes", ",,, ,%zz ,".repeat(10_000)], true],
  "times that are none": [["payload", '{"n":1}', "time", "-1e400", "id", " \n,%"], true],
};

test(
  "rejects or buries what is hostile, handles what is merely odd, and goes on",
  async () => {
    await using load = await startLoad({ members: 1 });
    const { backbone, client } = load.o;
    const odd = things("odd");
    const handled: string[] = [];
    const component = await load.o.run(
      backbone.component("odd", [on(odd, (event) => void handled.push(event.entryId))], { takeoverAfterMs: 120_000 }),
    );
    const expected = new Map<string, string>();
    const wanted: string[] = [];
    for (const [name, [fields, isHandled]] of Object.entries(hostile)) {
      const entryId = await load.o.write(odd, ...fields);
      if (isHandled) wanted.push(entryId);
      else expected.set(entryId, name);
    }
    await eventually(async () => (await client.xinfo("GROUPS", load.o.stream(odd))) !== undefined);
    await component.whenIdle();
    const buried = (await load.o.dead(odd, "odd")).map(
      (letter) => expected.get(letter["dead-entry"] ?? "") ?? letter["dead-entry"],
    );
    assert.equal(buried.toSorted(), [...expected.values()].toSorted());
    assert.equal(handled.toSorted(), wanted.toSorted());
    assert.is(({} as Record<string, unknown>)["isAdmin"], undefined);
    await load.goOn(100);
    await load.finishClean();
  },
  { timeoutMs: 60_000 },
);

test("refuses to publish payloads that it would not handle", async () => {
  await using load = await startLoad({ members: 1 });
  const anything = defineChannel({ name: "anything", schema: z.unknown() });
  let deep: unknown = 1;
  for (let i = 0; i < 5_000; i++) deep = [deep];
  for (const payload of [{ n: 1, key: "x".repeat(10 * 1_048_576) }, deep, JSON.parse('{"n":1,"__proto__":{}}')]) {
    await rejects(load.o.backbone.publish(anything, payload), PayloadError);
  }
  const ref = await withBaggage({ big: "b".repeat(1_048_576) }, () =>
    load.o.backbone.publish(source, { n: -1, key: "big" }, { eventId: "big" }),
  );
  const [entry] = await load.o.client.xrange(load.o.stream(source), ref.entryId, ref.entryId);
  assert.ok((entry?.[1][13] ?? "").length <= 1_024);
  const violations = await load.finish();
  assert.equal(
    violations.map(({ text }) => text),
    ["source big is in the log and nobody published it"],
  );
});
