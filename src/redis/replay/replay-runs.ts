/** Keeps the notes of runs in Redis: a hash for each run, and an index by the time of its making. */

import { ReplayError, StoreError } from "../../model/errors.ts";
import type { ListedRuns, Run, RunCounts, RunRequest, RunState, RunStore } from "../../ports/replay-runs.ts";
import type { Connection } from "../client/connection.ts";
import { storeError } from "../client/failures.ts";
import { runScript } from "../client/run-script.ts";
import { patienceWith } from "../inspect/patient-reads.ts";
import { type Keys, replayKeys } from "../keys.ts";
import { scripts } from "../store/scripts.ts";

/** The prefix of BullMQ's keys for the runs that wait for a worker, and a key of the notes; both share a hash tag. */
export function runKeys(namespace: string): { readonly prefix: string; readonly key: string } {
  const keys = replayKeys(namespace);
  return { prefix: keys.bull(), key: keys.replayRuns() };
}

/** The notes of the runs of one namespace. Every command may be sent again after a lost reply. */
export class RedisRunStore implements RunStore {
  readonly #connection: Connection;
  readonly #keys: Keys;

  /** `namespace`: the one that is replayed. The notes have keys of their own, so that its keys stay as they are. */
  constructor(connection: Connection, namespace: string) {
    this.#connection = connection;
    this.#keys = replayKeys(namespace);
  }

  async create(request: RunRequest, state: RunState): Promise<void> {
    const json = JSON.stringify(request);
    const key = this.#keys.replayRun(request.run);
    const seenAt = await this.now(); // it is there from now on, not dead until its first heartbeat
    await this.#ask(async (client) => {
      // The same text there means that this command was sent before.
      if ((await client.hsetnx(key, "request", json)) === 0 && (await client.hget(key, "request")) !== json) {
        throw new ReplayError(`there is a run ${request.run} already: --resume continues it`);
      }
      await client.hset(key, { state, seenAt });
      await client.zadd(this.#keys.replayRuns(), String(request.createdAt), request.run);
    });
  }

  find(run: string): Promise<Run | undefined> {
    return this.#ask(async (client) => toRun(await client.hgetall(this.#keys.replayRun(run))));
  }

  list(max: number): Promise<ListedRuns> {
    return this.#ask(
      async (client) => {
        const [names, time] = await Promise.all([
          client.zrange(this.#keys.replayRuns(), 0, String(max - 1), "REV"),
          client.time(),
        ]);
        const runs = await Promise.all(names.map((name) => client.hgetall(this.#keys.replayRun(name))));
        return { runs: runs.map(toRun).filter((run) => run !== undefined), now: epochOf(time) };
      },
      AbortSignal.timeout(patienceWith(this.#connection.topology)),
    );
  }

  async begin(run: string, seen: RunState): Promise<boolean> {
    const against = seen === "cancelled" ? "" : "cancelled";
    const before = await this.#note(run, "running", against, { seenAt: await this.now(), error: "" });
    return before !== against;
  }

  async beat(run: string, entries: number): Promise<boolean> {
    const seenAt = await this.now();
    const key = this.#keys.replayRun(run);
    return this.#ask(async (client) => {
      const [, state] = await Promise.all([client.hset(key, { seenAt, entries }), client.hget(key, "state")]);
      return state === "cancelled";
    });
  }

  async end(run: string, state: RunState, { entries, unreadable }: RunCounts, error = ""): Promise<void> {
    await this.#ask((client) => client.hset(this.#keys.replayRun(run), { entries, unreadable }));
    await this.#note(run, state, state === "done" ? "" : "cancelled", { error });
  }

  async cancel(run: string): Promise<RunState> {
    const before = await this.#note(run, "cancelled", "done", {});
    if (before === "") throw new ReplayError(`there is no run ${run}: \`throughline replays\` lists them`);
    return before;
  }

  now(): Promise<number> {
    return this.#ask(async (client) => epochOf(await client.time()));
  }

  /**
   * Writes a state, unless the run is in the state `against`. Returns the state before; empty where there is no such
   * run.
   */
  #note(
    run: string,
    state: RunState,
    against: RunState | "",
    fields: Readonly<Record<string, string | number>>,
  ): Promise<RunState | ""> {
    const args = [state, against, ...Object.entries(fields).flat()];
    return this.#ask(async () => {
      return (await runScript(this.#connection, scripts.replayNote, [this.#keys.replayRun(run)], args)) as
        | RunState
        | "";
    });
  }

  /** `patience`: until then it waits for a Redis that is away; without one, for as long as that is. */
  async #ask<T>(ask: (client: Connection["client"]) => Promise<T>, patience?: AbortSignal): Promise<T> {
    const there = this.#connection.at(this.#keys.replayRuns()); // all notes have its hash tag
    try {
      return await there.repeat(() => ask(there.client), patience);
    } catch (error) {
      if (error instanceof ReplayError) throw error;
      if (patience?.aborted === true && error === patience.reason) {
        const reason = there.awayBecause?.message ?? "no answer";
        throw new StoreError(`Redis at ${there.topology.place} does not answer: ${reason}`, { cause: error });
      }
      throw storeError("the notes of the replay cannot be read or written", error);
    }
  }
}

/** A reply to TIME as epoch ms. */
function epochOf([seconds, micros]: readonly (string | number)[]): number {
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

function toRun(fields: Readonly<Record<string, string>>): Run | undefined {
  const { request, state, entries = "0", unreadable = "0", error = "", seenAt = "0" } = fields;
  if (request === undefined) return undefined;
  return {
    request: JSON.parse(request) as RunRequest,
    state: state as RunState,
    entries: Number(entries),
    unreadable: Number(unreadable),
    error,
    seenAt: Number(seenAt),
  };
}
