/** A process's part in the maintenance of a namespace, once it takes one. */

import type { RedisInspector } from "../redis/inspect/inspector.ts";
import { RedisMaintenanceTurns } from "../redis/store/maintenance-turns.ts";
import { RedisTrimmer } from "../redis/store/trimmer.ts";
import { Maintenance } from "../retention/maintenance.ts";
import { RetentionRound, trimmedChannels } from "../retention/retention-round.ts";
import type { BackboneParts } from "./backbone-parts.ts";
import type { UsedChannels } from "./used-channels.ts";

export class Trimming {
  readonly #rounds: Maintenance;
  readonly #turns: RedisMaintenanceTurns;
  readonly #trimmer: RedisTrimmer;

  constructor(
    { options, keys, namespace, tracing, open }: BackboneParts,
    inspector: RedisInspector,
    channels: UsedChannels,
  ) {
    const { log, maintenanceEveryMs: everyMs } = options;
    const connection = open("maintain", keys.meta());
    const own = {
      get partitions() {
        return namespace.partitions;
      },
      retention: channels.retention,
    };
    const trimmer = new RedisTrimmer(connection, keys);
    const turns = new RedisMaintenanceTurns(connection, keys, () => JSON.stringify(trimmedChannels(own)));
    const round = new RetentionRound({ own, inspector, trimmer, tracing, log });
    const begin = (): Maintenance => new Maintenance({ turns, everyMs, log, run: () => round.run() });
    this.#trimmer = trimmer;
    this.#turns = turns;
    this.#rounds = tracing.atRoot(() => tracing.quietly(begin));
  }

  async close(): Promise<void> {
    await this.#rounds.close();
    this.#turns.close();
    this.#trimmer.close();
  }
}
