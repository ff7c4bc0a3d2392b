/** Runs a scenario: all contenders in turn, A B A B, after a warm-up, each round on an empty server. */

import type { Redis } from "ioredis";
import type { Sample } from "./contender.ts";
import { load } from "./contenders.ts";
import type { Hosts } from "./hosts.ts";
import type { Entrant, Scenario } from "./scenario.ts";

/** Rounds until everybody's code is compiled: in the second round it still gets faster. */
const usualWarmUp = 2;

/** Every entrant's samples, a list of them each, in the order of the rounds. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

export interface Extent {
  readonly rounds: number;
  /** Share of each round's events that is run, above 0. */
  readonly scale: number;
}

export interface Measured {
  readonly samples: Samples;
  /** Entrants that cannot take part, with their reasons. */
  readonly absent: Readonly<Record<string, string>>;
}

export async function runScenario(
  { work, isBacklog, entrants, warmUpRounds = usualWarmUp, maxRounds = Number.POSITIVE_INFINITY }: Scenario,
  { rounds, scale }: Extent,
  hosts: Hosts,
  admin: Redis,
  onRound: () => void,
): Promise<Measured> {
  const absent: Record<string, string> = {};
  const present: Entrant[] = [];
  for (const entrant of entrants) {
    const reason = await (await load(entrant.contender)).absence?.();
    if (reason === undefined) present.push(entrant);
    else absent[entrant.name] = reason;
  }
  const samples = new Map<string, Sample[]>(present.map(({ name }) => [name, []]));
  for (let round = 1 - warmUpRounds; round <= Math.min(rounds, maxRounds); round++) {
    for (const { name, contender, count, shape } of present) {
      const scaled = Math.max(1, Math.round(count * scale));
      const sample = await hosts.perform(contender, { work, count: scaled, shape, isBacklog });
      if (round > 0) samples.get(name)?.push(sample);
      await empty(admin);
      onRound();
    }
  }
  return { samples, absent };
}

/**
 * Empties the server. The append-only file begins anew as well, so that no rewrite falls into a round and the disk does
 * not fill.
 */
async function empty(admin: Redis): Promise<void> {
  await admin.flushall();
  await admin.bgrewriteaof();
  while (/aof_rewrite_(in_progress|scheduled):1/.test(await admin.info("persistence")));
}
