/** The rules of the roles: they grant all that the scripts call, and no scope opens more than it says. */

import { readdirSync } from "node:fs";
import * as assert from "uvu/assert";
import { ConfigError } from "../../../src/index.ts";
import { aclRules } from "../../../src/redis/acl/rules.ts";
import { type AclScope, aclRoles } from "../../../src/redis/acl/scope.ts";
import { sliceScripts } from "../../../src/redis/slices/scripts.ts";
import { scripts } from "../../../src/redis/store/scripts.ts";
import { test } from "../../support/test.ts";
import { namespace } from "./server.ts";

test("every command of every script is granted to some role", () => {
  const granted = new Set(
    aclRoles
      .flatMap((role) => aclRules([role], { namespace: "n", channels: ["c"], evicts: true, dedupes: true, into: "m" }))
      .flatMap((rule) => rule.match(/\+[a-z|]+/g) ?? [])
      .map((rule) => rule.slice(1)),
  );
  const named = readdirSync("src/redis", { recursive: true }).filter((file) => String(file).endsWith(".lua"));
  const all = [...Object.entries(scripts), ...Object.entries(sliceScripts)];
  assert.ok(named.length >= all.length);
  for (const [name, { source }] of all) {
    for (const [, command = "", sub] of source.matchAll(/redis\.p?call\('([A-Z]+)'(?:, '([A-Z]+)')?/g)) {
      const isPart = command === "XINFO" || command === "XGROUP";
      const wanted = (isPart ? `${command}|${sub}` : command).toLowerCase();
      assert.ok(granted.has(wanted), `${name}.lua needs ${wanted}`);
    }
  }
});

test("a producer, a component or a source without channels is refused: its rules would open dead letters and settlement logs", () => {
  for (const role of ["producer", "component", "source"] as const) {
    for (const channels of [undefined, []]) {
      assert.throws(
        () => aclRules([role], { namespace, ...(channels && { channels }) }),
        (error: unknown) => error instanceof ConfigError && /needs the channels/.test(error.message),
      );
    }
  }
});

test("a scope that could open more than it says is refused", () => {
  const wrong: readonly Partial<AclScope>[] = [
    { namespace: "*" },
    { channels: ["a*"] },
    { component: "c:*" },
    { source: "c:*" },
    { channels: ["a ~*"] },
    { into: "a}:*" },
    { into: namespace },
  ];
  for (const scope of wrong) {
    assert.throws(
      () => aclRules(["replay"], { namespace, ...scope }),
      (error: unknown) => error instanceof ConfigError,
      JSON.stringify(scope),
    );
  }
});
