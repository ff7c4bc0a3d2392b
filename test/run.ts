/**
 * `npm test`: runs test files against one private Redis. Arguments: parts of the paths of the files to run; without any, every file but those of the
 * long suites, which have commands of their own (`npm run test:model`, …).
 */

import { randomBytes } from "node:crypto";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { Redis } from "ioredis";
import { startPrivateCluster } from "../src/local-redis/private-cluster.ts";
import { provideRedis } from "../src/local-redis/provided-redis.ts";
import { prepareContainers } from "./containers/container-test.ts";
import { findProblem, sweep } from "./containers/engine.ts";
import { longestFirst, readDurations, recordDurations } from "./support/file-order.ts";
import { namespacePrefix } from "./support/redis.ts";
import { type FileResult, type RunFilesOptions, runFiles } from "./support/run-files.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function print(result: FileResult): void {
  const { file, passed, failures, skips, durationMs, output } = result;
  const skipped = skips.length === 0 ? "" : `, ${skips.length} skipped`;
  say(`${failures.length === 0 ? "ok    " : "FAILED"} ${file}  ${passed} passed${skipped}  (${durationMs} ms)`);
  for (const { test, reason } of skips) say(`         skipped "${test}": ${reason}`);
  if (failures.length === 0) return;
  for (const { test, reason } of failures) say(`         failed "${test}": ${reason.split("\n", 1)[0]}`);
  say(shortened(output).replace(/^/gm, "       | "));
}

/** The end says most, and the beginning says where it began to go wrong. */
function shortened(output: string): string {
  const lines = output.split("\n");
  if (lines.length <= maxShownLines) return output;
  const half = maxShownLines / 2;
  return [...lines.slice(0, half), `… ${lines.length - maxShownLines} lines …`, ...lines.slice(-half)].join("\n");
}

const maxShownLines = 200;

async function removeNamespaces(url: string, run: string): Promise<void> {
  const client = new Redis(url);
  for await (const keys of client.scanStream({ match: `*${namespacePrefix}${run}-*`, count: 1_000 })) {
    if ((keys as string[]).length > 0) await client.unlink(...(keys as string[]));
  }
  client.disconnect();
}

/** More than this is no accident. */
const maxSecondTries = 5;

/**
 * Files that failed are run once more, each by itself: on a shared machine a neighbour can make a test of time fail. The second result
 * counts, and both are shown; what fails twice is a failure.
 */
async function runWithSecondTry(files: readonly string[], options: RunFilesOptions): Promise<readonly FileResult[]> {
  const first = await runFiles(files, options);
  const failed = first.filter(({ failures }) => failures.length > 0).map(({ file }) => file);
  if (failed.length === 0 || failed.length > maxSecondTries) return first;
  say(`Once more, by themselves: ${failed.join(", ")}`);
  const second = await runFiles(failed, { ...options, concurrency: 1 });
  for (const { file, failures } of second) if (failures.length === 0) say(`UNSTEADY ${file} failed at first`);
  return [...first.filter(({ file }) => !failed.includes(file)), ...second];
}

/** Folders of suites that take minutes, each with a command of its own, `npm run test:…`. CI runs them all. */
const longSuites = [
  "cluster",
  "console",
  "containers",
  "deployed",
  "faults",
  "model-based",
  "package",
  "simulation",
  "soak",
  "volume",
].map((name) => join("test", name, "/"));

function isWanted(file: string, filters: readonly string[]): boolean {
  if (filters.length > 0) return filters.some((filter) => file.includes(filter));
  return !longSuites.some((folder) => file.startsWith(folder));
}

/** What later runs may use of earlier ones. `npm ci` removes it, and nothing depends on it but the time that a run takes. */
const cacheDirectory = join("node_modules", ".cache", "throughline");
const durationsPath = join(cacheDirectory, "test-durations.json");

/** One more than there are cores, as many files wait for clocks and for Redis; a few at most, as all share one Redis. */
const concurrency = Math.min(availableParallelism() + 1, 5);

const containerTests = join("test", "containers", "/");

/** After all others, some of which measure time: the engine that starts and stops containers works beside their tests. */
async function runInContainers(
  files: readonly string[],
  options: RunFilesOptions,
  runTwice: typeof runFiles,
): Promise<readonly FileResult[]> {
  if (files.length === 0) return [];
  const startedAt = performance.now();
  const found = await prepareContainers();
  for (const problem of found.problems) say(`Containers: ${problem}`);
  if (found.images !== undefined)
    say(`Containers: ${found.images} images, there after ${Math.round(performance.now() - startedAt)} ms`);
  if ((await findProblem()) !== undefined) return await runTwice(files, options);
  await sweep(); // what runs that were killed have left
  try {
    const env = { ...options.env, ...found.env, THROUGHLINE_TEST_RUNNER_PID: String(process.pid) };
    return await runTwice(files, { ...options, env });
  } finally {
    for (const left of await sweep(process.pid)) say(`Containers: removed ${left}, which a test has left`);
  }
}

async function main(filters: readonly string[]): Promise<{ passed: number; failed: number; skipped: number }> {
  const wanted = globSync("test/**/*.test.ts")
    .sort()
    .filter((file) => isWanted(file, filters));
  const files = longestFirst(wanted, readDurations(durationsPath));
  if (files.length === 0) {
    say(filters.length === 0 ? "There are no test files." : `No test file has ${filters.join(" or ")} in its path.`);
    return { passed: 0, failed: 1, skipped: 0 };
  }

  await using stack = new AsyncDisposableStack();
  const run = randomBytes(4).toString("hex");
  const redis = stack.use(await provideRedis({ env: process.env, say }));
  say(`Redis: ${redis.description}`);
  if (redis.isGiven) stack.defer(() => removeNamespaces(redis.url, run));
  // With it, what tests do not start themselves is a cluster. docs/guide/cluster.md says which tests run so.
  const topology = process.env["THROUGHLINE_TOPOLOGY"] ?? "server";
  if (topology !== "server" && topology !== "cluster") throw new Error(`THROUGHLINE_TOPOLOGY is "${topology}"`);
  // A node that a busy machine holds up for seconds is not to lose what it has acknowledged: failovers are the work of test/cluster.
  const cluster =
    topology === "cluster" ? stack.use(await startPrivateCluster({ say, nodeTimeoutMs: 30_000 })) : undefined;
  if (cluster !== undefined) say(`Cluster: ${cluster.description}`);
  // Tests reach the run's Redis by its own name only, so that what they start does not use it unless told to.
  const { REDIS_URL: _, ...env } = process.env;
  const options: RunFilesOptions = {
    env: {
      ...env,
      // Half of what the start of a process costs is the stripping and compiling of the same modules.
      NODE_COMPILE_CACHE: resolve(cacheDirectory, "compiled"),
      THROUGHLINE_TEST_REDIS_URL: redis.url,
      ...(cluster !== undefined && { THROUGHLINE_TEST_CLUSTER: cluster.urls.join(",") }),
      THROUGHLINE_TEST_RUN: run,
    },
    concurrency,
    silenceMs: 60_000,
    // BullMQ leaves a timer of up to 6 s behind when a worker is closed while Redis is away.
    exitGraceMs: 20_000,
    onResult: print,
  };
  const runTwice = process.env["CI"] === undefined ? runFiles : runWithSecondTry;
  const isInContainers = (file: string): boolean => file.startsWith(containerTests);
  const results = [
    ...(await runTwice(
      files.filter((file) => !isInContainers(file)),
      options,
    )),
    ...(await runInContainers(files.filter(isInContainers), options, runTwice)),
  ];
  recordDurations(durationsPath, results);
  const sum = (count: (result: FileResult) => number): number =>
    results.reduce((total, result) => total + count(result), 0);
  const passed = sum((result) => result.passed);
  const failed = sum((result) => result.failures.length);
  if (passed + failed > 0) return { passed, failed, skipped: sum((result) => result.skips.length) };
  say("Every test was skipped.");
  return { passed, failed: 1, skipped: sum((result) => result.skips.length) };
}

let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  counts = await main(process.argv.slice(2));
} catch (error) {
  say(`The run broke off: ${error instanceof Error ? error.stack : String(error)}`);
  counts.failed = Math.max(counts.failed, 1);
}
process.exitCode = counts.failed === 0 ? 0 : 1;
say("");
say(`${counts.passed} passed, ${counts.failed} failed${counts.skipped === 0 ? "" : `, ${counts.skipped} skipped`}`);
