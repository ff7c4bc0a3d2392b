/** The packed package works in a stranger's project: every door, ES modules and `require`, README's example, the command. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { installedSize } from "../../tools/installed-size.ts";
import { freshNamespace, redisUrl } from "../support/redis.ts";
import { test } from "../support/test.ts";
import { OutsideProject, projectWithCore } from "./outside-project.ts";
import { doors, nodeVersions, tarball } from "./packed.ts";

const maxPackages = 32;
const maxMegabytes = 22;

test(
  "every door is imported and required, and the core brings few packages",
  async () => {
    const project = await projectWithCore();
    const { packages, megabytes } = installedSize(project.directory);
    assert.ok(packages <= maxPackages && megabytes <= maxMegabytes, `${packages} packages, ${megabytes} MB`);
    for (const node of nodeVersions) {
      for (const door of doors) {
        const imported = `const door = await import("${door}"); console.log(Object.keys(door).length > 0);`;
        const required = `const door = require("${door}"); console.log(Object.keys(door).length > 0);`;
        for (const [type, text] of [
          ["module", imported],
          ["commonjs", required],
        ] as const) {
          const { stdout, stderr } = await project.node([`--input-type=${type}`, "--eval", text], { node });
          assert.is(stdout, "true\n", `${node.name}, ${type}, ${door}: ${stderr}`);
        }
      }
    }
  },
  { timeoutMs: 180_000 },
);

test(
  "holds what is needed and nothing of the checkout",
  async () => {
    const project = await projectWithCore();
    const root = join(project.directory, "node_modules/throughline");
    const others = readdirSync(root).filter((name) => !/^(dist|docs|package\.json|LICENSE|[A-Z]+\.md)$/.test(name));
    assert.equal(others, []);
    assert.ok(existsSync(join(root, "LICENSE")) && existsSync(join(root, "README.md")));
    const files = readdirSync(join(root, "dist"), { recursive: true, encoding: "utf8" });
    const scripts = files.filter((file) => file.endsWith(".lua"));
    assert.ok(scripts.length > 10);
    const page = files.filter((file) => /^console[/\\]page[/\\]/.test(file));
    assert.equal(page.length, 4); // index.html, main.js, main.css, icon.svg: what a browser gets
    for (const file of files.filter((one) => one.endsWith(".js") && !page.includes(one))) {
      assert.ok(files.includes(file.replace(/\.js$/, ".d.ts")), file);
      assert.ok(files.includes(`${file}.map`), file);
      assert.not.match(readFileSync(join(root, "dist", file), "utf8"), /from "[^"]*\.ts"/, file);
    }
  },
  { timeoutMs: 60_000 },
);

test(
  "README's example, compiled as a user compiles it, settles a payment on a real Redis",
  async () => {
    using project = new OutsideProject();
    project.copy("docs/examples/ledger.ts");
    const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
      devDependencies: Record<string, string>;
    };
    await project.install(tarball, `zod@${devDependencies["zod"]}`, "typescript@5.9", "@types/node@22");
    const flags = ["--target", "es2023", "--module", "nodenext", "--strict", "--types", "node"];
    const compiled = await project.run("npx", ["tsc", ...flags, "ledger.ts"]);
    assert.is(compiled.stdout, "");
    for (const node of nodeVersions) {
      const env = { REDIS_URL: redisUrl(), NAMESPACE: freshNamespace() };
      const { code, stdout, stderr } = await project.node(["ledger.js"], { node, env });
      assert.is(stdout, "payment p-1 was acked\nacme has 4200 cents\n", `${node.name}: ${stderr}`);
      assert.is(stderr, "", node.name);
      assert.is(code, 0);
      const status = await project.run("npx", ["throughline", "status"], { node, env });
      assert.is(status.code, 0, `${node.name}: ${status.stderr}`);
      assert.match(status.stdout, "payments");
      assert.match(status.stdout, "ledger");
    }
  },
  { timeoutMs: 180_000 },
);

test(
  "each command of the command line starts without any optional peer",
  async () => {
    const project = await projectWithCore();
    const commands = ["status", "tail", "journey", "dead", "record", "import", "acl", "replay", "replays", "diff"];
    for (const node of nodeVersions) {
      for (const command of commands) {
        const { code, stdout, stderr } = await project.run("npx", ["throughline", command, "--help"], { node });
        assert.is(code, 0, `${node.name}, ${command}: ${stderr}`);
        assert.match(stdout, `Usage: throughline ${command}`);
      }
    }
    assert.ok(existsSync(join(project.directory, "node_modules/.bin/throughline")));
  },
  { timeoutMs: 180_000 },
);

/** Most CPU time of a command, ms: on a machine with nothing else to do it is about the time that a user waits. */
const aims = [
  { args: ["--help"], maxCpuMs: 150 },
  { args: ["status"], maxCpuMs: 400 },
] as const;

test(
  "the command starts fast: --help and status",
  async () => {
    const project = await projectWithCore();
    const meter = `process.once("exit", () => {
      const { user, system } = process.cpuUsage();
      process.stderr.write("cpu " + Math.round((user + system) / 1000) + "\\n");
    });`;
    project.write("meter.mjs", meter);
    const command = join("node_modules/throughline/dist/cli/throughline.js");
    for (const { args, maxCpuMs } of aims) {
      const times: number[] = [];
      for (let round = 0; round < 5; round++) {
        const env = { REDIS_URL: redisUrl(), NAMESPACE: freshNamespace() };
        const { stderr } = await project.node(["--import", "./meter.mjs", command, ...args], { env });
        times.push(Number(/^cpu (\d+)$/m.exec(stderr)?.[1]));
      }
      const least = Math.min(...times);
      console.log(`throughline ${args.join(" ")}: ${least} ms of CPU time`);
      assert.ok(least <= maxCpuMs, `${args.join(" ")} took ${times.join(", ")} ms`);
    }
  },
  { timeoutMs: 120_000 },
);
