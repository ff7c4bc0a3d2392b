/** The command that installs a door's peers names what the tests run with. */

import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { consolePeers } from "../../src/console/peers.ts";
import { telemetryPeers } from "../../src/telemetry/setup/peers.ts";
import { containerPeers, spanPeers } from "../../src/testing/peers.ts";
import { test } from "../support/test.ts";

interface Manifest {
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const { devDependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
  readFileSync("package.json", "utf8"),
) as Manifest;
const named = [telemetryPeers, spanPeers, containerPeers, consolePeers].flatMap(({ packages }) =>
  packages.map((text) => [text.slice(0, text.lastIndexOf("@")), text.slice(text.lastIndexOf("@") + 1)] as const),
);

test("each is an optional peer, of the version that is developed with", () => {
  for (const [name, version] of named) {
    assert.ok(name in peerDependencies && peerDependenciesMeta[name]?.optional === true, name);
    const used = devDependencies[name] ?? "";
    assert.ok(used === version || used.startsWith(`${version}.`), `${name}: ${version} is named, ${used} is used`);
  }
});

test("each optional peer is named by the command of a door", () => {
  const missing = Object.keys(peerDependenciesMeta).filter((name) => !named.some(([one]) => one === name));
  assert.equal(missing, []);
});

test("the guide to tracing has the telemetry door's command", () => {
  const guide = readFileSync("docs/guide/tracing.md", "utf8").replaceAll(/ \\\n +/g, " ");
  assert.ok(guide.includes(`npm install ${telemetryPeers.packages.join(" ")}\n`));
});
