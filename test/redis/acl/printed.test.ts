/** `throughline acl` prints what was asked for, and Redis takes what it prints. */

import * as assert from "uvu/assert";
import { aclText } from "../../../src/cli/acl-text.ts";
import { aclRules } from "../../../src/redis/acl/rules.ts";
import { aclRoles } from "../../../src/redis/acl/scope.ts";
import { runCommand } from "../../support/command.ts";
import { rejects } from "../../support/rejects.ts";
import { test } from "../../support/test.ts";
import { namespace, start } from "./server.ts";

test("throughline acl prints a command and an aclfile line that Redis accepts once the password is filled in", async () => {
  await using server = await start();
  for (const role of aclRoles) {
    const rules = aclRules([role], { namespace, channels: ["orders"] });
    const words = aclText(`trading-${role}`, rules, "setuser").split(" ");
    assert.equal(words.slice(0, 4), ["ACL", "SETUSER", `trading-${role}`, "reset"]);
    const [command = "", ...args] = words;
    await rejects(server.admin.call(command, ...args), Error, /password hash/);
    const hashed = args.map((word) => (word.startsWith("#") ? `#${"a".repeat(64)}` : word));
    assert.is(await server.admin.call(command, ...hashed), "OK");
    const list = (await server.admin.call("ACL", "LIST")) as string[];
    assert.ok(list.some((line) => line.startsWith(`user trading-${role} on`) && line.includes("resetchannels")));
  }
});

test(
  "throughline acl prints what was asked for, and refuses what is none",
  async () => {
    const acl = async (...args: readonly string[]): Promise<{ code: number | null; out: string }> => {
      const { code, out } = await runCommand({ url: "redis://127.0.0.1:1", namespace }, ["acl", ...args]);
      return { code, out: out.trim() };
    };
    const [command, file, json, ...wrong] = await Promise.all([
      acl("replay", "--into", "shadow", "--background"),
      acl("producer", "operator", "--format", "aclfile", "--user", "both", "--channel", "orders"),
      acl("component", "--component", "algorithm", "--channel", "orders", "--json"),
      acl("king"),
      acl("component", "--component", "*", "--channel", "orders"),
      acl("producer"),
    ]);
    const replayRules = aclRules(["replay"], { namespace, into: "shadow", background: true });
    assert.equal([command.code, command.out], [0, aclText("trading-replay", replayRules, "setuser")]);
    assert.match(file.out, /^user both #SHA256-OF-THE-PASSWORD on -@all /);
    const { user, rules } = JSON.parse(json.out);
    assert.is(user, "trading-component");
    assert.equal(rules, aclRules(["component"], { namespace, component: "algorithm", channels: ["orders"] }));
    assert.equal(
      wrong.map(({ code }) => code),
      [2, 2, 2],
    );
  },
  { timeoutMs: 120_000 },
);
