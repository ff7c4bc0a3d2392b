/** An unusable set-up is refused in one sentence that names the remedy: a missing peer, an old Node, a second API copy, a path that is no door. */

import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { OutsideProject, projectWithCore } from "./outside-project.ts";
import { nodeVersions, tarball } from "./packed.ts";

/** Runs a module that prints the message of what it throws. */
async function messageOf(project: OutsideProject, statement: string): Promise<string> {
  const text = `try { ${statement} } catch (error) { console.log(error.code + ": " + error.message); }`;
  const { stdout, stderr } = await project.node(["--input-type=module", "--eval", text]);
  return stdout.trim() || stderr;
}

test(
  "a door without its peers says which it needs, and with which command to install them",
  async () => {
    const project = await projectWithCore();
    const telemetry = 'import("throughline/telemetry").then((door) => door.startTelemetry({ serviceName: "outside" }))';
    assert.match(
      await messageOf(project, `await ${telemetry}`),
      /^THROUGHLINE_CONFIG: throughline\/telemetry needs pino and the OpenTelemetry SDK 3\.x \(pino is not installed\): npm install [^\n]*@opentelemetry\/sdk-node[^\n]*$/,
    );
    const testing = 'import("throughline/testing")';
    assert.match(
      await messageOf(project, `(await ${testing}).captureSpans()`),
      /^THROUGHLINE_CONFIG: throughline\/testing needs the OpenTelemetry SDK 3\.x[^\n]*: npm install --save-dev [^\n]*$/,
    );
    assert.match(
      await messageOf(project, `await (await ${testing}).startRedis({ image: "redis:8" })`),
      /^THROUGHLINE_CONFIG: throughline\/testing needs Testcontainers, [^\n]*Node 22\.22[^\n]*: npm install --save-dev testcontainers@12$/,
    );
    const console = 'import("throughline/console")';
    assert.match(
      await messageOf(project, `await (await ${console}).serveConsole({ url: "redis://127.0.0.1:1", namespace: "a" })`),
      /^THROUGHLINE_CONFIG: throughline\/console needs Hono and its server for Node \([^)]* is not installed\): npm install hono@4 @hono\/node-server@2$/,
    );
  },
  { timeoutMs: 60_000 },
);

test(
  "with its peers the console serves the page from the package",
  async () => {
    using project = new OutsideProject();
    await project.install(tarball, "hono@4", "@hono/node-server@2");
    const text =
      'const { serveConsole } = await import("throughline/console");' +
      'const served = await serveConsole({ url: "redis://127.0.0.1:1", namespace: "a", port: 0 });' +
      'for (const path of ["", "main.js", "main.css"]) console.log((await fetch(served.url + path)).status);' +
      "await served[Symbol.asyncDispose]();";
    const { stdout, stderr } = await project.node(["--input-type=module", "--eval", text]);
    assert.is(stdout, "200\n200\n200\n", stderr);
  },
  { timeoutMs: 60_000 },
);

test(
  "an SDK of the 2.x line does not do for the telemetry door, and the sentence says so",
  async () => {
    using project = new OutsideProject();
    await project.install(tarball);
    const { stdout } = await project.node([
      "--input-type=module",
      "--eval",
      "try { await (await import('throughline/telemetry')).startTelemetry({ serviceName: 'outside' }) } catch (error) { console.log(error.message.split(': npm install ').at(-1)) }",
    ]);
    const names = stdout.trim().split(" ");
    const older = names.map((name) =>
      name
        .replace(/^(@opentelemetry\/(?:sdk-node|exporter-[^@]*|otlp-[^@]*))@.*/, "$1@0.223.0")
        .replace(/^(@opentelemetry\/(?:core|resources|sdk-metrics|sdk-trace|context-async-hooks))@.*/, "$1@2.12.0")
        .replace(/^(@opentelemetry\/instrumentation-ioredis)@.*/, "$1@0.71.0"),
    );
    await project.install(...older);
    const text = 'await (await import("throughline/telemetry")).startTelemetry({ serviceName: "outside" })';
    const { code, stderr } = await project.node(["--input-type=module", "--eval", text], {
      env: { OTEL_TRACES_EXPORTER: "console" },
    });
    assert.is(code, 1);
    assert.match(
      stderr,
      /throughline\/telemetry needs pino and the OpenTelemetry SDK 3\.x \(another version is installed\): npm install /,
    );
  },
  { timeoutMs: 120_000 },
);

test(
  "on a Node that is too old every door and the command say which one is needed",
  async () => {
    using project = new OutsideProject();
    await project.install(tarball);
    await project.install("node@20.19.0");
    const old = { name: "Node 20", directory: join(project.directory, "node_modules/node/bin") };
    const sentence = /Throughline needs Node 22\.15 or newer, and this is Node 20\.19\.0/;
    for (const door of [
      "throughline",
      "throughline/replay",
      "throughline/service",
      "throughline/telemetry",
      "throughline/testing",
    ]) {
      const { code, stderr } = await project.node(["--input-type=module", "--eval", `import "${door}"`], { node: old });
      assert.is(code, 1, door);
      assert.match(stderr, sentence, door);
    }
    const { code, stdout, stderr } = await project.node(
      ["node_modules/throughline/dist/cli/throughline.js", "status"],
      { node: old },
    );
    assert.is(code, 2);
    assert.is(stdout, "");
    assert.match(stderr, new RegExp(`^${sentence.source}[^\\n]*\\n$`));
  },
  { timeoutMs: 120_000 },
);

test(
  "a second copy of the OpenTelemetry API, to which Throughline's spans are lost, is said once",
  async () => {
    using project = new OutsideProject();
    for (const file of ["story.mjs", "sdk-2.mjs"]) project.copy(`test/package/fixtures/${file}`);
    await project.install(tarball, "@opentelemetry/sdk-node@0.223.0", "newer-api@npm:@opentelemetry/api@1.10.0");
    const modules = join(project.directory, "node_modules");
    const own = join(modules, "throughline/node_modules/@opentelemetry");
    mkdirSync(own, { recursive: true });
    cpSync(join(modules, "newer-api"), join(own, "api"), { recursive: true });
    const env = { REDIS_URL: redisUrl(), NAMESPACE: freshNamespace() };
    const { code, stdout, stderr } = await project.node(["sdk-2.mjs"], { env });
    assert.is(code, 0, stderr);
    assert.not.match(stdout, "send notes");
    assert.is(stderr.match(/two copies of @opentelemetry\/api/g)?.length, 1, stderr);
    assert.match(stderr, "npm ls @opentelemetry/api");
  },
  { timeoutMs: 120_000 },
);

test(
  "a path that is no door is refused by Node, by its name",
  async () => {
    const project = await projectWithCore();
    for (const node of nodeVersions) {
      const { code, stderr } = await project.node(
        ["--input-type=module", "--eval", 'import "throughline/dist/index.js"'],
        { node },
      );
      assert.is(code, 1);
      assert.match(stderr, "ERR_PACKAGE_PATH_NOT_EXPORTED");
      assert.match(stderr, `Package subpath './dist/index.js' is not defined by "exports"`);
    }
  },
  { timeoutMs: 60_000 },
);
