/** A look at a run: the present state of the log and of the component's records. */

import type { Backbone } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import type { Findings } from "./expected.ts";
import type { Team } from "./team.ts";
import { done, tallyName, type Work, work, workerName } from "./work.ts";

/** Longest wait for an expected state, ms: a busy disk may hold Redis up for ten seconds. */
export const patienceMs = 60_000;

export class Look {
  readonly #backbone: Backbone;
  readonly #team: Team;

  constructor(backbone: Backbone, team: Team) {
    this.#backbone = backbone;
    this.#team = team;
  }

  async findings(): Promise<Findings> {
    const keys = ["", "a", "b"];
    const view = this.#backbone.view<{ count: number; sum: number }>(workerName, tallyName);
    const [entries, outputs, letters, standing, ...tallies] = await Promise.all([
      this.entries(),
      this.outputs(),
      this.letters(),
      eventually(() => this.standing(), patienceMs), // the component is described a moment after it has joined
      ...keys.map((key) => view.get(key)),
    ]);
    return { entries, outputs, letters, standing, tallies: new Map(keys.map((key, i) => [key, tallies[i]])) };
  }

  async entries(): Promise<Findings["entries"]> {
    return await this.#payloads<Work, Findings["entries"][number]>(work.name, ({ n }, entryId) => ({ entryId, n }));
  }

  async outputs(): Promise<Findings["outputs"]> {
    return await this.#payloads<Findings["outputs"][number], Findings["outputs"][number]>(done.name, (one) => one);
  }

  async #payloads<P, T>(channel: string, take: (payload: P, entryId: string) => T): Promise<readonly T[]> {
    const taken: T[] = [];
    for await (const { entryId, envelope } of this.#backbone.read(channel)) {
      taken.push(take(JSON.parse(envelope?.payload ?? "null") as P, entryId));
    }
    return taken;
  }

  async letters(): Promise<Findings["letters"]> {
    if (!this.#team.hasStarted) return [];
    const letters: Findings["letters"][number][] = [];
    const dead = this.#backbone.deadLetters({ channel: work.name, component: workerName });
    for await (const { entryId, attempts } of dead.list()) letters.push({ entryId, attempts });
    return letters;
  }

  async standing(): Promise<Findings["standing"] | undefined> {
    const { components } = await this.#backbone.status();
    const worker = components.find(({ component }) => component === workerName);
    const found = worker?.channels.find(({ channel }) => channel === work.name);
    if (found === undefined) return undefined;
    const { lagEntries, pending, parked, deadLetters, lost } = found;
    return { lagEntries, pending, parked, deadLetters, lost };
  }
}
