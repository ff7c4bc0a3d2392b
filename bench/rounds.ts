/** Runs a scenario: everybody in turn, A B A B, after a warm-up, each round on an empty server. */

import type { Redis } from "ioredis";
import type { Sample } from "./contender.ts";
import type { ContenderName, Hosts } from "./contenders.ts";
import type { Scenario } from "./scenarios.ts";

/** Until everybody's code is compiled: in the second round it still gets faster. */
const warmUpRounds = 2;

/** Everybody's samples, a list of them each, in the order of the rounds. */
export type Samples = ReadonlyMap<ContenderName, readonly Sample[]>;

export async function runScenario(
  { work, isBacklog, entrants }: Scenario,
  rounds: number,
  hosts: Hosts,
  admin: Redis,
  onRound: () => void,
): Promise<Samples> {
  const samples = new Map<ContenderName, Sample[]>(entrants.map(({ contender }) => [contender, []]));
  for (let round = 1 - warmUpRounds; round <= rounds; round++) {
    for (const { contender, count } of entrants) {
      const sample = await hosts.perform(contender, { work, count, isBacklog });
      if (round > 0) samples.get(contender)?.push(sample);
      await empty(admin);
      onRound();
    }
  }
  return samples;
}

/** The append-only file begins anew as well, so that no rewrite falls into a round and the disk does not fill. */
async function empty(admin: Redis): Promise<void> {
  await admin.flushall();
  await admin.bgrewriteaof();
  while (/aof_rewrite_(in_progress|scheduled):1/.test(await admin.info("persistence")));
}
