/** Finds a Redis or Valkey server to start: a program on the path, Docker, or the package of Debian and Ubuntu. */

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { ConfigError } from "../model/errors.ts";

const run = promisify(execFile);

/** The oldest release whose commands and scripts we use. */
const oldestVersion = 7;

/** Tells the person about a step that takes long or changes the machine. */
export type Say = (line: string) => void;

export type RedisServer =
  | { readonly kind: "program"; readonly program: string; readonly version: string }
  | { readonly kind: "docker"; readonly image: string };

export interface FindServerOptions {
  /** The environment, with PATH, THROUGHLINE_REDIS_IMAGE and DOCKER_HOST. */
  readonly env: NodeJS.ProcessEnv;
  readonly say: Say;
  /** True when packages may be installed. */
  readonly isRoot: boolean;
  /** What else the caller can do without one, a sentence. Default: to set REDIS_URL. */
  readonly otherwise?: string | undefined;
}

/** Finds a server. @throws {ConfigError} with the one command to run when there is none and none can be had. */
export async function findServer(options: FindServerOptions): Promise<RedisServer> {
  const tooOld: string[] = [];
  const onPath = await findProgram(options.env, tooOld);
  if (onPath !== undefined) return onPath;
  const image = await findDocker(options);
  if (image !== undefined) return { kind: "docker", image };
  if (await install(options)) {
    const installed = await findProgram(options.env, tooOld);
    if (installed !== undefined) return installed;
  }
  const { otherwise = "Or set REDIS_URL to one that runs already." } = options;
  const found = tooOld.length === 0 ? "none was found" : `only ${tooOld.join(" and ")} was found, which is too old`;
  throw new ConfigError(
    `A Redis or Valkey server of version ${oldestVersion} or later is needed, and ${found}. ` +
      `${await adviceFor(options.isRoot)} ${otherwise}`,
  );
}

async function findProgram(env: NodeJS.ProcessEnv, tooOld: string[]): Promise<RedisServer | undefined> {
  for (const program of ["redis-server", "valkey-server"]) {
    const banner = await outputOf(program, ["--version"], env, 10_000);
    // The banner is "Redis server v=7.0.15 sha=…" or "Valkey server v=8.1.1 sha=…".
    const version = banner?.match(/\bv=(\d+\.\d+\.\d+)/)?.[1];
    if (version === undefined) continue;
    if (Number.parseInt(version, 10) >= oldestVersion) return { kind: "program", program, version };
    tooOld.push(`${program} ${version}`);
  }
  return undefined;
}

/** The image to start; undefined when no engine answers or the image cannot be had. */
async function findDocker({ env, say }: FindServerOptions): Promise<string | undefined> {
  // The server's port is published on the engine's machine: an engine on another machine is of no use.
  const host = env["DOCKER_HOST"] ?? "unix://";
  if (!host.startsWith("unix://")) return undefined;
  const engine = await outputOf("docker", ["version", "--format", "{{.Server.Version}}"], env, 10_000);
  if (engine === undefined || engine.trim() === "") return undefined;
  const image = env["THROUGHLINE_REDIS_IMAGE"] ?? "redis:8";
  if ((await outputOf("docker", ["image", "inspect", image], env, 10_000)) !== undefined) return image;
  say(`No redis-server is installed; Docker pulls the image ${image}.`);
  if ((await outputOf("docker", ["pull", "--quiet", image], env, 300_000)) !== undefined) return image;
  say(`Docker could not pull ${image}. THROUGHLINE_REDIS_IMAGE can name another image of Redis or Valkey.`);
  return undefined;
}

/** Installs Debian's or Ubuntu's package, without starting its service. False: that is not possible here. */
async function install({ env, say, isRoot }: FindServerOptions): Promise<boolean> {
  if (!isRoot || (await outputOf("apt-get", ["--version"], env, 10_000)) === undefined) return false;
  const quiet: NodeJS.ProcessEnv = { ...env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  if (!(await isOffered(quiet))) {
    say("No redis-server is installed; reading the package lists (apt-get update).");
    await outputOf("apt-get", ["update"], quiet, 300_000);
    if (!(await isOffered(quiet))) return false;
  }
  say("No redis-server is installed; installing Debian's package (apt-get install redis-server).");
  // This file is Debian's way of forbidding a package to start its service at its installation: only a private server
  // is wanted.
  const policy = "/usr/sbin/policy-rc.d";
  const script = `
    if [ ! -e ${policy} ]; then printf '#!/bin/sh\\nexit 101\\n' >${policy} && chmod 755 ${policy} && trap 'rm -f ${policy}' EXIT; fi
    apt-get install --yes --no-install-recommends redis-server || { apt-get update && apt-get install --yes --no-install-recommends redis-server; }`;
  try {
    await run("sh", ["-c", script], { env: quiet, timeout: 600_000, maxBuffer: 16 * 1024 * 1024 });
    return true;
  } catch (error) {
    say(`The package could not be installed: ${lastLineOf((error as { stderr?: string }).stderr ?? String(error))}`);
    return false;
  }
}

/** True when the package lists hold a redis-server that is new enough. */
async function isOffered(env: NodeJS.ProcessEnv): Promise<boolean> {
  const policy = await outputOf("apt-cache", ["policy", "redis-server"], env, 60_000);
  // The line is "  Candidate: 5:7.0.15-1~deb12u10", where "5:" is the packaging's epoch.
  const major = policy?.match(/Candidate: (?:\d+:)?(\d+)\./)?.[1];
  return major !== undefined && Number(major) >= oldestVersion;
}

async function adviceFor(isRoot: boolean): Promise<string> {
  if (process.platform === "darwin") return "Run: brew install redis.";
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const ids = [...release.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap((match) => match[1]?.split(" ") ?? []);
  const sudo = isRoot ? "" : "sudo ";
  const commands: readonly (readonly [string, string])[] = [
    ["debian", `${sudo}apt-get install redis-server`],
    ["fedora", `${sudo}dnf install valkey`],
    ["rhel", `${sudo}dnf install valkey`],
    ["arch", `${sudo}pacman -S valkey`],
    ["alpine", `${sudo}apk add redis`],
    ["suse", `${sudo}zypper install redis`],
  ];
  const command = commands.find(([id]) => ids.includes(id))?.[1];
  return command === undefined ? "Install one with this system's packages." : `Run: ${command}.`;
}

/** The standard output of a command; undefined when it is missing, fails, or takes too long. */
async function outputOf(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  timeoutMs: number,
): Promise<string | undefined> {
  try {
    return (await run(program, args, { env, timeout: timeoutMs, maxBuffer: 16 * 1024 * 1024 })).stdout;
  } catch {
    return undefined;
  }
}

function lastLineOf(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
