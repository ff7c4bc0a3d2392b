/** The declarations of every door satisfy strict compilers, old and new, without `skipLibCheck` and without any optional peer. */

import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { test } from "../support/test.ts";
import { OutsideProject } from "./outside-project.ts";
import { doors, tarball } from "./packed.ts";

const compilers = ["5.9", "7.0"] as const;
const targets = ["ES2022", "ES2023"] as const;
const fixture = "test/package/fixtures/consumer.ts";

test(
  `TypeScript ${compilers.join(" and ")} accept an application that uses every door, for ${targets.join(" and ")}`,
  async () => {
    const source = readFileSync(fixture, "utf8");
    for (const door of doors) assert.match(source, `from "${door}"`);
    using project = new OutsideProject();
    project.copy(fixture);
    const named = compilers.map((version) => `typescript-${version}@npm:typescript@~${version}.0`);
    await project.install(tarball, "@types/node@22", ...named);
    for (const compiler of compilers) {
      for (const target of targets) {
        const config = {
          compilerOptions: {
            target,
            module: "nodenext",
            types: ["node"],
            strict: true,
            exactOptionalPropertyTypes: true,
            skipLibCheck: false,
            noEmit: true,
          },
          include: ["consumer.ts"],
        };
        project.write("tsconfig.json", JSON.stringify(config));
        const { code, stdout } = await project.node([`node_modules/typescript-${compiler}/bin/tsc`]);
        assert.is(stdout, "", `TypeScript ${compiler}, ${target}`);
        assert.is(code, 0);
      }
    }
  },
  { timeoutMs: 240_000 },
);
