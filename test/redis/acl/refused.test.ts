/** Each role is refused the commands and keys of other roles, by a command of its own or in a script. */

import type { Redis } from "ioredis";
import * as assert from "uvu/assert";
import type { AclRole, AclScope } from "../../../src/redis/acl/scope.ts";
import { test } from "../../support/test.ts";
import { assertDenied, namespace, start } from "./server.ts";

test("each role is refused the commands and keys of other roles", async () => {
  await using server = await start();
  const { admin } = server;
  const stream = `{${namespace}:0}:things`;
  await admin.xadd(stream, "*", "payload", '{"n":1}');
  await admin.xgroup("CREATE", stream, "live", "0");
  await admin.hset(`{${namespace}:0}:state:other:book`, "k", "1 {}");
  const nobody = [
    ["FLUSHALL"],
    ["FLUSHDB"],
    ["CONFIG", "GET", "*"],
    ["ACL", "LIST"],
    ["KEYS", "*"],
    ["SHUTDOWN", "NOSAVE"],
    ["CLIENT", "KILL", "TYPE", "normal"],
    ["SCRIPT", "FLUSH"],
    ["MONITOR"],
    ["GET", "elsewhere"],
    ["XADD", "{other:0}:things", "*", "payload", "{}"],
    ["XRANGE", "{other:0}:things", "-", "+"],
    ["HGETALL", "other:meta"],
    // A script has the rights of its user and no others.
    ["EVAL", "return redis.call('FLUSHALL')", "0"],
    ["EVAL", "return redis.call('XADD', KEYS[1], '*', 'payload', '{}')", "1", "{other:0}:things"],
  ];
  const writes = [
    ["XADD", stream, "*", "payload", "{}"],
    ["EVAL", "return redis.call('XADD', KEYS[1], '*', 'payload', '{}')", "1", stream],
  ];
  const consumes = [
    ["XREADGROUP", "GROUP", "live", "m", "STREAMS", stream, ">"],
    ["XACK", stream, "live", "0-1"],
    ["XGROUP", "SETID", stream, "live", "$"],
    ["XGROUP", "DESTROY", stream, "live"],
    ["XGROUP", "CREATE", stream, "mine", "$"],
    ["XGROUP", "DELCONSUMER", stream, "live", "m"],
  ];
  const deletes = [
    ["DEL", stream],
    ["UNLINK", stream],
    ["XDEL", stream, "0-1"],
    ["XTRIM", stream, "MAXLEN", "0"],
  ];
  const reads = [
    ["XRANGE", stream, "-", "+"],
    ["XREAD", "STREAMS", stream, "0"],
  ];
  const claims = [
    ["XCLAIM", stream, "live", "m", "0", "0-1"],
    ["XAUTOCLAIM", stream, "live", "m", "0", "0"],
  ];
  const states = [
    ["HSET", `{${namespace}:0}:state:other:book`, "k", "2 {}"],
    ["HSET", `{${namespace}:0}:owner:live`, "owner", ""],
    ["HSET", `{${namespace}:members}:live`, "m", "1 1 0 {}"],
  ];

  const as = async (role: AclRole, scope: Partial<AclScope> = {}): Promise<Redis> =>
    server.client(await server.user(role, [role], scope));
  await assertDenied(await as("producer", { channels: ["things"], dedupes: true }), [
    ...nobody,
    ...reads,
    ...consumes,
    ...claims,
    ...deletes,
    ...states,
    ["SCRIPT", "LOAD", "return 1"],
  ]);
  const component = await as("component", { component: "mine", channels: ["mine", "theirs"] });
  await assertDenied(component, [...nobody, ...writes, ...consumes, ...claims, ...deletes, ...states]);
  const anyComponent = await as("component", { channels: ["things"] });
  await assertDenied(anyComponent, [...nobody, ["XGROUP", "DESTROY", stream, "live"], ["DEL", stream]]);
  const replay = await as("replay", { into: "shadow" });
  await assertDenied(replay, [...nobody, ...writes, ...consumes, ...claims, ...deletes, ...states]);
  assert.ok(await replay.xadd("{shadow:0}:things", "*", "payload", "{}"));
  assert.is((await replay.xrange(stream, "-", "+")).length, 1);
  const operator = await as("operator");
  const operatorOnly = [...nobody, ...writes, ...consumes, ...deletes, ...states];
  await assertDenied(operator, [
    ...operatorOnly,
    ["XADD", `${stream}:dead:live`, "*", "payload", "{}"],
    ["XAUTOCLAIM", stream, "live", "m", "0", "0"],
  ]);
  assert.is(await operator.xdel(`${stream}:dead:live`, "0-1"), 0);
  assert.is(await admin.xlen(stream), 1);
});
