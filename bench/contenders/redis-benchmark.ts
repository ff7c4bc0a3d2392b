/** The server's limit: redis-benchmark, which comes with Redis, appends the same entry over and over from C. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import type { Contender, Round, Sample } from "../contender.ts";
import { fieldsOf, stream } from "./bare.ts";

const run = promisify(execFile);

/** Number of entries of one script call. */
const perScript = 100;
const appendScript = `
for i = 1, #ARGV, 6 do redis.call('XADD', KEYS[1], '*', unpack(ARGV, i, i + 5)) end
`;

async function absence(): Promise<string | undefined> {
  try {
    await run("redis-benchmark", ["--version"]);
    return undefined;
  } catch (error) {
    return `redis-benchmark cannot be run here (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
  }
}

/**
 * Runs `command`, which appends `perRequest` events, `requests` times. The processor time of redis-benchmark cannot be
 * read.
 */
async function benchmark(
  { url, meter }: Round,
  requests: number,
  perRequest: number,
  options: readonly string[],
  command: readonly string[],
): Promise<Sample> {
  const { hostname, port } = new URL(url);
  await meter.ready();
  meter.begin();
  const { stdout } = await run(
    "redis-benchmark",
    ["-h", hostname, "-p", port, "-n", String(requests), "--csv", ...options, ...command],
    { maxBuffer: 16 * 1_024 * 1_024 },
  );
  const { redisMicros = Number.NaN } = await meter.end(requests * perRequest);
  // The command itself, quoted, comes first in the line; it may contain commas.
  const perSecond = Number(/","([\d.]+)"/.exec(stdout.split("\n")[1] ?? "")?.[1]);
  if (!(perSecond > 0)) throw new Error(`redis-benchmark printed no rate: ${stdout}`);
  return { perSecond: perSecond * perRequest, redisMicros };
}

function each(round: Round, options: readonly string[]): Promise<Sample> {
  return benchmark(round, round.count, 1, options, ["XADD", stream, "*", ...fieldsOf(0, round.shape)]);
}

export const contender: Contender = {
  absence,
  works: {
    publish: (round) => each(round, ["-c", "2", "-P", "500"]),
    publishEach: (round) => each(round, ["-c", String(round.shape.atOnce ?? 1), "-P", "1"]),
  },
};

export const scriptContender: Contender = {
  absence,
  works: {
    publish: async (round) => {
      const client = new Redis(round.url);
      const sha = (await client.script("LOAD", appendScript)) as string;
      await client.quit();
      const entries = Array.from({ length: perScript }, (_, i) => fieldsOf(i, round.shape)).flat();
      const requests = Math.ceil(round.count / perScript);
      return benchmark(round, requests, perScript, ["-c", "2", "-P", "5"], ["EVALSHA", sha, "1", stream, ...entries]);
    },
  },
};
