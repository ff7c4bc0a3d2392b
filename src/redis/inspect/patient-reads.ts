/** Reads that are repeated until they are answered, for as long as a person waits; then a sentence says why there is no answer. */

import { messageOf } from "../../model/error-message.ts";
import { ConfigError, StoreError, WrongTypeError } from "../../model/errors.ts";
import { type Log, silentLog } from "../../ports/log.ts";
import type { Quietly } from "../../ports/tracing.ts";
import { Connection } from "../client/connection.ts";
import { isConnectionLoss, isPassing } from "../client/failures.ts";
import type { Topology } from "../client/topology.ts";

export interface PatientReadsOptions {
  readonly topology: Topology;
  /** Whose node a connection is to at first. */
  readonly key: string;
  readonly namespace: string;
  /** Longest time that a read waits for a Redis that is away, ms. */
  readonly patienceMs: number;
  readonly quietly: Quietly | undefined;
}

/** How long a person waits, ms: on a cluster, and with Sentinels, for as long as it takes until another server has taken over. */
export function patienceWith({ kind }: Topology): number {
  return kind === "server" ? 3_000 : 6_000;
}

export class PatientReads {
  readonly #options: PatientReadsOptions;
  #awayBecause = "no answer";

  constructor(options: PatientReadsOptions) {
    this.#options = options;
  }

  /** A connection for reads; it connects at the first one. */
  open(purpose: string): Connection {
    const { topology, key, namespace, patienceMs, quietly } = this.#options;
    const log: Log = {
      ...silentLog,
      // The failing call reports it as well: the log says it once.
      warn: (fields) => {
        if ("reason" in fields) this.#awayBecause = String(fields.reason);
      },
    };
    return new Connection({ topology, key, log, silenceMs: patienceMs, purpose: `${purpose}:${namespace}`, quietly });
  }

  /** Repeats a read until it is answered. `what` names it in the error. @throws {StoreError} {ConfigError} */
  async until(ask: () => Promise<unknown>, what: string, connection: Connection): Promise<unknown> {
    const { topology, patienceMs } = this.#options;
    const deadline = AbortSignal.timeout(patienceMs);
    for (;;) {
      try {
        if (!connection.isReady) await connection.ready(deadline);
        const answer = await ask();
        connection.answered();
        return answer;
      } catch (error) {
        if (error instanceof ConfigError || error instanceof StoreError) throw error;
        const passing = isPassing(error);
        if (deadline.aborted) {
          const reason = passing ? messageOf(error) : this.#awayBecause;
          throw new StoreError(`Redis at ${topology.place} does not answer: ${reason}`, { cause: error });
        }
        if (!passing && !isConnectionLoss(error)) {
          const reason = messageOf(error);
          const Refused = reason.startsWith("WRONGTYPE ") ? WrongTypeError : StoreError;
          throw new Refused(`Redis refuses ${what}: ${reason}`, { cause: error });
        }
        if (passing) await connection.pass(error);
      }
    }
  }
}
