/** The Docker engine of the container tests: tells whether one answers, and removes everything of the tests from it. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Longest time of a command, longer than any image takes to be made, so that an engine that hangs does not hang its caller. */
const commandTimeoutMs = 300_000;

/** Standard output of a docker command, trimmed. @throws with what it wrote to standard error */
export async function docker(...args: readonly string[]): Promise<string> {
  return (await dockerWith({}, ...args)).stdout.trim();
}

/** As `docker`, with variables added to the environment, and both streams. */
export async function dockerWith(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  try {
    return await run("docker", args, {
      env: { ...process.env, ...env },
      maxBuffer: 64 * 1024 * 1024,
      timeout: commandTimeoutMs,
    });
  } catch (cause) {
    const { stderr = "", message } = cause as Error & { stderr?: string };
    throw new Error(`docker ${args.slice(0, 3).join(" ")} …: ${stderr.trim() || message}`, { cause });
  }
}

/** The reason why no container can be started; undefined when one can. */
export async function findProblem(): Promise<string | undefined> {
  try {
    await docker("version", "--format", "{{.Server.Version}}");
    return undefined;
  } catch (error) {
    return `no Docker engine answers: ${(error as Error).message.split("…: ").at(-1)}`;
  }
}

/** The label of everything that a test makes. Its value begins with the process id of its run. */
const ownerLabel = "throughline.test.owner";

/** The process that removes what a test leaves: the runner, or the test file itself where it runs by itself. */
const runnerPid = process.env["THROUGHLINE_TEST_RUNNER_PID"] ?? String(process.pid);

/** A label for the things that one test makes, different from any other. */
export interface Owner {
  readonly label: string;
  readonly value: string;
}

let owners = 0;

export function newOwner(): Owner {
  owners++;
  return { label: ownerLabel, value: `${runnerPid}.${process.pid}.${owners}` };
}

export function labelOf(owner: Owner): string {
  return `${owner.label}=${owner.value}`;
}

interface Kind {
  readonly name: "container" | "network" | "volume";
  readonly list: readonly string[];
  readonly remove: readonly string[];
}

/** Containers are removed first, because they hold the others. */
const kinds: readonly Kind[] = [
  { name: "container", list: ["ps", "--all", "--quiet"], remove: ["rm", "--force", "--volumes"] },
  { name: "network", list: ["network", "ls", "--quiet"], remove: ["network", "rm"] },
  { name: "volume", list: ["volume", "ls", "--quiet"], remove: ["volume", "rm", "--force"] },
];

/** Removes everything with the label, and names it. */
export async function removeAll(label: string): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const { name, list, remove } of kinds) {
    for (const id of (await docker(...list, "--filter", `label=${label}`)).split("\n")) {
      if (id === "") continue;
      await docker(...remove, id);
      removed.push(`${name} ${id}`);
    }
  }
  return removed;
}

/** Removes what killed runs have left, or, given a process id, what that run has left; and names it. */
export async function sweep(pid?: number): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const owner of await knownOwners()) {
    const of = Number.parseInt(owner, 10);
    if (pid === undefined ? isRunning(of) : of !== pid) continue;
    removed.push(...(await removeAll(`${ownerLabel}=${owner}`)));
  }
  return removed;
}

async function knownOwners(): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { list } of kinds) {
    const labels = list.filter((word) => word !== "--quiet");
    const lines = await docker(...labels, "--filter", `label=${ownerLabel}`, "--format", `{{.Label "${ownerLabel}"}}`);
    for (const owner of lines.split("\n")) if (owner !== "") found.add(owner);
  }
  return found;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
