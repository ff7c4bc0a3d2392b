/** `OutsideProject`: a stranger's project, outside of the checkout and without anything of its environment. */

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { type NodeVersion, nodeVersions, requirePrepared, tarball } from "./packed.ts";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  /** Default: the Node that runs the tests. */
  readonly node?: NodeVersion;
  readonly env?: Readonly<Record<string, string>>;
}

export class OutsideProject implements Disposable {
  readonly directory: string;

  /** An empty project. `type`: of its .js and .ts files. */
  constructor(type: "module" | "commonjs" = "module") {
    requirePrepared();
    this.directory = mkdtempSync(join(tmpdir(), "throughline-package-"));
    this.write("package.json", JSON.stringify({ name: "outside", version: "1.0.0", private: true, type }));
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.directory, file), text);
  }

  /** Copies a file of the checkout into the project's own directory. */
  copy(file: string): void {
    cpSync(file, join(this.directory, basename(file)));
  }

  /** @throws when npm refuses them */
  async install(...packages: readonly string[]): Promise<void> {
    const { code, stderr, stdout } = await this.run("npm", ["install", "--prefer-offline", ...packages]);
    if (code !== 0) throw new Error(`npm install ${packages.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
  }

  node(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return this.run("node", args, options);
  }

  run(command: string, args: readonly string[], { node = nodeVersions[1], env = {} }: RunOptions = {}): Promise<Ended> {
    const child = spawn(command, args, {
      cwd: this.directory,
      env: { ...strangerEnv(node), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const text = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (part: string) => {
        text[name] += part;
      });
    }
    return new Promise((done, failed) => {
      child.once("error", failed);
      child.once("close", (code, signal) => done({ code: code ?? (signal === null ? -1 : 128), ...text }));
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

let core: Promise<OutsideProject> | undefined;

/** A project with the package and nothing else, for all tests of a file that only look; gone with the file's process. */
export function projectWithCore(): Promise<OutsideProject> {
  core ??= (async () => {
    const project = new OutsideProject();
    process.once("exit", () => project[Symbol.dispose]());
    await project.install(tarball);
    return project;
  })();
  return core;
}

/** The settings by which npm reaches its registry are kept; all other settings of the checkout's npm would affect the project. */
const kept = [
  "npm_config_cache",
  "npm_config_cafile",
  "npm_config_globalconfig",
  "npm_config_registry",
  "npm_config_userconfig",
];

/** The environment without the checkout: no settings of its npm, no condition, none of its commands. */
function strangerEnv(node: NodeVersion): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) =>
      kept.includes(name.toLowerCase()) ||
      !/^(npm_|NODE_OPTIONS$|INIT_CWD$|THROUGHLINE_|OTEL_|REDIS_|NAMESPACE$|LOG_LEVEL$)/i.test(name),
  );
  const npm = process.env["npm_execpath"];
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((directory) => !directory.includes("node_modules"));
  return {
    ...Object.fromEntries(own),
    // npm and npx have their place beside the machine's own Node, behind the one that is tried.
    PATH: [node.directory, ...path, ...(npm === undefined ? [] : [dirname(npm)])].join(delimiter),
  };
}
