/** A permission that is withheld or withdrawn stops the calls that need it and no others, and leaves nothing half done. */

import * as assert from "uvu/assert";
import { openOperator } from "../../../src/composition/operator.ts";
import { item, on, PermanentError, PublishError, StoreError } from "../../../src/index.ts";
import { aclRules } from "../../../src/redis/acl/rules.ts";
import type { AclScope } from "../../../src/redis/acl/scope.ts";
import { soon, things } from "../../support/backbone.ts";
import { eventually } from "../../support/eventually.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { namespace, password, start } from "./server.ts";

test("a channel that a user may not publish to refuses its own events, and the others of a publishAll", async () => {
  await using server = await start();
  const mine = things("mine");
  const backbone = await server.connect(await server.publisher("mine"));
  await backbone.publish(mine, { n: 0 });
  const error = await rejects(
    backbone.publishAll([item(mine, { n: 1 }), item(things("theirs"), { n: 2 })]),
    PublishError,
  );
  assert.is(error.outcome, "rejected");
  assert.is(await server.admin.xlen(`{${namespace}:0}:mine`), 1);
  // Two publishes of one tick travel together.
  const [here, there] = await Promise.allSettled([
    backbone.publish(mine, { n: 3 }),
    backbone.publish(things("theirs"), { n: 4 }),
  ]);
  assert.equal([here.status, there.status], ["fulfilled", "rejected"]);
});

test(
  "a permission that is withdrawn leaves the entry pending, raises an alarm, and all goes on when it is granted again",
  async () => {
    await using server = await start();
    const source = things("source", { retry: soon });
    const output = things("output");
    const scope = { component: "c", channels: ["source", "output"] };
    const publisher = await server.connect(await server.publisher("source"));
    const worker = await server.connect(await server.user("worker", ["component"], scope));
    const component = await server.run(
      worker.component("c", [
        on(source, async ({ payload }, { publish, state }) => {
          const counts = state<number>("counts");
          counts.set("n", ((await counts.get("n")) ?? 0) + 1);
          await publish(output, payload);
        }),
      ]),
    );
    const written = (): Promise<number> => server.admin.xlen(`{${namespace}:0}:output`);
    const pending = async (): Promise<number> =>
      Number((await server.admin.xpending(`{${namespace}:0}:source`, "c"))[0]);
    await publisher.publish(source, { n: 0 });
    await component.whenIdle();
    assert.is(await written(), 1);

    const withdrawals: readonly [string, Partial<AclScope> | undefined, RegExp][] = [
      ["the output's channel", { ...scope, channels: ["source"] }, /settlement/],
      ["everything", undefined, /.*/],
    ];
    let n = 0;
    for (const [what, rest, alarm] of withdrawals) {
      const seen = server.lines.length;
      if (rest === undefined)
        await server.admin.call("ACL", "SETUSER", "worker", "clearselectors", "-@all", "+client|setname");
      else await server.user("worker", ["component"], rest);
      await publisher.publish(source, { n: ++n });
      await eventually(() =>
        server.lines
          .slice(seen)
          .some(
            ({ level, text, fields }) =>
              level === "error" && alarm.test(text) && /NOPERM|permission|can't/.test(String(fields["reason"])),
          ),
      );
      assert.is(await written(), n, what);
      if (rest !== undefined) await eventually(async () => (await pending()) === 1); // long under way
      await server.user("worker", ["component"], scope);
      await component.whenIdle();
      assert.is(await written(), n + 1, what);
    }
    assert.is(await worker.view<number>("c", "counts").get("n"), 3);
    assert.is(await pending(), 0);
  },
  { timeoutMs: 120_000 },
);

test("an output that its user may not publish holds up its own entry and no other", async () => {
  await using server = await start();
  const [source, output, theirs] = [things("source"), things("output"), things("theirs")];
  const scope = { component: "c", channels: ["source", "output"] };
  const worker = await server.connect(await server.user("worker", ["component"], scope));
  const component = await server.run(
    worker.component("c", [
      on(source, async ({ payload }, { publish }) => {
        await publish(payload.n % 2 === 0 ? output : theirs, payload);
      }),
    ]),
  );
  const publisher = await server.connect(await server.publisher("source"));
  for (let round = 0; round < 3; round++) {
    await publisher.publishAll(Array.from({ length: 20 }, (_, n) => item(source, { n })));
    await eventually(async () => (await server.admin.xlen(`{${namespace}:0}:output`)) === 10 * (round + 1));
  }
  assert.is(await server.admin.xlen(`{${namespace}:0}:theirs`), 0);
  await server.user("worker", ["component"], { component: "c", channels: ["source", "output", "theirs"] });
  await component.whenIdle();
  assert.is(await server.admin.xlen(`{${namespace}:0}:theirs`), 30);
});

test("a redrive under a user who may not remove letters changes nothing", async () => {
  await using server = await start();
  const channel = things("things");
  const worker = await server.connect(await server.user("worker", ["component"], { channels: ["things"] }));
  const component = await server.run(
    worker.component("c", [
      on(channel, () => {
        throw new PermanentError("no");
      }),
    ]),
  );
  await (await server.connect(await server.publisher("things"))).publish(channel, { n: 1 });
  await component.whenIdle();
  const rules = aclRules(["operator"], { namespace }).map((rule) => rule.replace("+xdel", "+xlen"));
  await server.admin.call("ACL", "SETUSER", "operator", ...rules, `>${password}`);
  const url = (await server.user("unused", ["operator"])).replace("unused", "operator");
  await using operator = openOperator({ url, namespace });
  await rejects(operator.deadLetters().redrive(), StoreError, /cannot be redriven/);
  assert.is(Number((await server.admin.xpending(`{${namespace}:0}:things`, "c"))[0]), 0);
  assert.is(await server.admin.xlen(`{${namespace}:0}:things:dead:c`), 1);
});
