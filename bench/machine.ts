/** Describes the machine of a run: processor, operating system, and the versions of all participants. */

import { createRequire } from "node:module";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";

export interface Machine {
  readonly at: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly versions: Readonly<Record<string, string>>;
}

const require = createRequire(import.meta.url);

/** Describes this machine. `server` is the program and its version. */
export function describeMachine(server: string): Machine {
  const versions: Record<string, string> = { server, node: process.versions.node };
  for (const name of ["ioredis", "redis", "bullmq", "bullmq-otel", "@opentelemetry/api", "@opentelemetry/sdk-node"])
    versions[name === "redis" ? "node-redis" : name] = versionOf(name);
  return {
    at: new Date().toISOString(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    versions,
  };
}

function versionOf(name: string): string {
  for (const directory of require.resolve.paths(name) ?? []) {
    try {
      return (require(`${directory}/${name}/package.json`) as { version: string }).version;
    } catch {
      // Not in this directory; the next one up.
    }
  }
  return "unknown";
}
