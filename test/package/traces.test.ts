/** An application's own OpenTelemetry SDK, of either line, sees one trace from its span through Redis to its handler. */

import * as assert from "uvu/assert";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { OutsideProject } from "./outside-project.ts";
import { nodeVersions, tarball } from "./packed.ts";

interface PrintedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string;
}

/** The SDKs' lines of 2.x and of today. */
const lines = [
  { script: "sdk-2.mjs", packages: ["@opentelemetry/sdk-node@0.223.0"] },
  { script: "sdk-3.mjs", packages: ["@opentelemetry/sdk-node@latest", "@opentelemetry/sdk-trace@latest"] },
] as const;

for (const { script, packages } of lines) {
  test(
    `with ${packages[0]} of the application's own, publisher and handler are one trace`,
    async () => {
      using project = new OutsideProject();
      for (const file of ["story.mjs", script]) project.copy(`test/package/fixtures/${file}`);
      await project.install(tarball, ...packages);
      for (const node of nodeVersions) {
        const env = { REDIS_URL: redisUrl(), NAMESPACE: freshNamespace() };
        const { code, stdout, stderr } = await project.node([script], { node, env });
        assert.is(code, 0, `${node.name}: ${stderr}`);
        assert.is(stderr, "", node.name);
        const spans = stdout
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as PrintedSpan);
        const of = (name: string): PrintedSpan => {
          const span = spans.find((one) => one.name === name);
          if (span === undefined) throw new Error(`${node.name}: there is no span "${name}" in ${stdout}`);
          return span;
        };
        const way = ["take the order", "send notes", "process notes", "look it up"].map(of);
        assert.is(new Set(way.map(({ traceId }) => traceId)).size, 1, stdout);
        assert.equal(
          way.slice(1).map(({ parent }) => parent),
          way.slice(0, -1).map(({ spanId }) => spanId),
        );
      }
    },
    { timeoutMs: 180_000 },
  );
}

test(
  "the telemetry door with its peers exports the same trace",
  async () => {
    using project = new OutsideProject();
    for (const file of ["story.mjs", "telemetry-door.mjs"]) project.copy(`test/package/fixtures/${file}`);
    await project.install(tarball);
    const alone = await project.node(["telemetry-door.mjs"]);
    assert.is(alone.code, 1);
    const [, command = ""] = /throughline\/telemetry needs .*: npm install (.*)$/m.exec(alone.stderr) ?? [];
    assert.ok(command !== "", alone.stderr);
    await project.install(...command.split(" "));
    for (const node of nodeVersions) {
      const env = { REDIS_URL: redisUrl(), NAMESPACE: freshNamespace(), OTEL_TRACES_EXPORTER: "console" };
      const { code, stdout, stderr } = await project.node(["telemetry-door.mjs"], { node, env });
      assert.is(code, 0, `${node.name}: ${stderr}`);
      assert.match(stderr, /"service":"outside".*"msg":"started"/, node.name);
      for (const name of ["take the order", "send notes", "process notes", "look it up"]) {
        assert.match(stdout, `name: '${name}'`, node.name);
      }
      assert.is(new Set(stdout.match(/traceId: '[0-9a-f]{32}'/g)).size, 1, stdout);
    }
  },
  { timeoutMs: 240_000 },
);
