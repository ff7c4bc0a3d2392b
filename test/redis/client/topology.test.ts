/** Places of servers are read: defaults, what is shared by all of them, and what is refused. */

import * as assert from "uvu/assert";
import { serversFromEnv } from "../../../src/index.ts";
import { ConfigError } from "../../../src/model/errors.ts";
import { slotOf, topologyOf } from "../../../src/redis/client/topology.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";

async function refuses(make: () => unknown, text: RegExp): Promise<void> {
  await rejects((async () => make())(), ConfigError, text);
}

test("Sentinels and their primary are held to the authority that is given, each with its own login", () => {
  const sentinel = { urls: ["rediss://watch:w@s1", "rediss://watch:w@s2:5000"], name: "orders" };
  const { kind, place, login, address } = topologyOf({ url: "rediss://app:p@x", sentinel }, { ca: "CA" });
  assert.equal([kind, place], ["sentinel", '"orders" of the Sentinels s1:26379, s2:5000']);
  assert.equal([login.username, login.password, login.tls], ["app", "p", { ca: "CA" }]);
  assert.equal([address.username, address.port, address.tls], ["watch", 26_379, { ca: "CA" }]);
});

test("contradictions are refused with a sentence", async () => {
  await refuses(() => topologyOf({ cluster: [] }), /names no server/);
  await refuses(() => topologyOf({ cluster: ["redis://a", "rediss://b"] }), /mixes/);
  await refuses(() => topologyOf({ cluster: ["redis://u:p@a", "redis://b"] }), /different logins/);
  await refuses(() => topologyOf({ cluster: ["redis://a/1"] }), /no databases but 0/);
  await refuses(() => topologyOf({ cluster: ["unix:///x"] }), /redis:\/\/ and rediss:\/\//);
  await refuses(() => topologyOf({ sentinel: { urls: ["redis://a"], name: "" } }), /sentinel.name is missing/);
  await refuses(() => serversFromEnv({ REDIS_SENTINELS: "a" }), /go together/);
  await refuses(() => serversFromEnv({ REDIS_CLUSTER: "a", REDIS_URL: "redis://b" }), /unset one of them/);
});

test("the environment's lists take addresses without a scheme", () => {
  assert.equal(serversFromEnv({ REDIS_CLUSTER: "a:1, rediss://b" }), { cluster: ["redis://a:1", "rediss://b"] });
  assert.equal(serversFromEnv({ REDIS_SENTINELS: "s", REDIS_SENTINEL_NAME: "n", REDIS_URL: "redis://:p@x" }), {
    url: "redis://:p@x",
    sentinel: { urls: ["redis://s"], name: "n" },
  });
  assert.equal(serversFromEnv({}), { url: "redis://127.0.0.1:6379" });
});

test("keys of one hash tag have one slot", () => {
  assert.is(slotOf("{orders:3}:a"), slotOf("{orders:3}:b"));
  assert.is(slotOf("123456789"), 12_739); // the check value of CRC16-XMODEM, modulo 16,384
});
