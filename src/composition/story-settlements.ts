/** How a story's events were settled: when and by whom, after which failed attempts and takeovers, by the components' settlement logs. */

import type { Journey } from "../inspect/journey/journey.ts";
import { type FailedRun, type StepSettlement, settlementName } from "../inspect/journey/step-settlement.ts";
import { walkJourney } from "../inspect/journey-tree.ts";
import { timeOf } from "../model/envelope.ts";
import type { FailedNote, RecordedSettlement } from "../model/recorded-settlement.ts";
import type { Observer } from "./observer.ts";

/** Most settlements of a component that are read for a story. */
const maxSettlements = 20_000;
/** A settlement is looked for until so long after the story's last event, ms, unless something is retried. */
const settledWithinMs = 60_000;

/**
 * Reads how each component settled each event of a story, by `component partition/channel/entry id`. What a settlement log does not tell is
 * left out: one that is switched off, was trimmed, or has too many settlements of others between.
 * @throws {StoreError}
 */
export async function storySettlements(
  observer: Pick<Observer, "readSettlements" | "status">,
  journey: Journey,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, StepSettlement>>> {
  const wanted = new Map<string, Wanted>();
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (const { node } of walkJourney(journey)) {
    first = Math.min(first, node.event.appendedAt);
    last = Math.max(last, node.event.appendedAt);
    for (const { component, state } of node.standings) {
      if (state === "unread") continue;
      const one = wanted.get(component) ?? { open: new Set(), isRetried: false };
      one.open.add(settlementName(component, node.event));
      wanted.set(component, { ...one, isRetried: one.isRetried || state !== "settled" });
    }
  }
  const found: Record<string, StepSettlement> = {};
  for (const [component, { open, isRetried }] of wanted) {
    const to = isRetried ? {} : { to: String(last + settledWithinMs) };
    const reading = new ComponentSettlements(component, open, found);
    let read = 0;
    for await (const settlement of observer.readSettlements(component, { from: String(first), ...to })) {
      if (signal?.aborted === true || ++read > maxSettlements || reading.add(settlement)) break;
    }
    reading.end(reading.isOwnerUnknown ? await observer.status() : undefined);
  }
  return found;
}

interface Wanted {
  readonly open: Set<string>;
  /** Something of it is not settled, or was given up. */
  readonly isRetried: boolean;
}

/** Settlements after the last one that is wanted, which may tell who wrote that. */
const maxBeyond = 500;

/** What one component's log tells of the wanted entries. */
class ComponentSettlements {
  readonly #component: string;
  readonly #open: Set<string>;
  readonly #wanted: ReadonlySet<string>;
  /** Dead letters of which the note about the last run is still to come: it is written after them. */
  readonly #dead = new Set<string>();
  readonly #found: Record<string, StepSettlement>;
  /** By partition; only some notes say who wrote them. */
  readonly #owners = new Map<number, { readonly member: string; readonly epoch: number }>();
  /** What was found before the log said who the owner is. */
  #unowned: { readonly partition: number; readonly at: number; readonly name: string }[] = [];
  /** Settled entries at which somebody had begun before. */
  readonly #begunBefore = new Set<string>();
  #beyond = 0;

  constructor(component: string, open: Set<string>, found: Record<string, StepSettlement>) {
    this.#component = component;
    this.#open = open;
    this.#wanted = new Set(open);
    this.#found = found;
  }

  get isOwnerUnknown(): boolean {
    return this.#unowned.length > 0;
  }

  /** True where nothing more is to be found. */
  add({ partition, entryId, calls, failed = [], owner }: RecordedSettlement): boolean {
    const at = timeOf(entryId);
    if (owner !== undefined) {
      this.#owners.set(partition, owner);
      this.#own(partition, owner);
    }
    for (const note of failed) this.#addFailed(partition, at, note);
    for (const { channel, entryIds, run, outcome } of calls) {
      for (const id of entryIds) {
        const name = settlementName(this.#component, { partition, channel, entryId: id });
        if (!this.#open.delete(name)) continue;
        this.#found[name] = {
          ...this.#at(name),
          settledAt: at,
          startedAt: run === undefined ? null : at - run.tookMs,
          attempt: run?.attempt ?? 0,
          member: this.#owners.get(partition)?.member ?? "",
          epoch: run?.epoch ?? this.#owners.get(partition)?.epoch ?? 0,
        };
        if (run?.claimed === true) this.#begunBefore.add(name);
        if (outcome === "deadLettered") this.#dead.add(name);
        if (!this.#owners.has(partition)) this.#unowned.push({ partition, at, name });
      }
    }
    if (this.#open.size > 0) return false;
    return this.#unowned.length + this.#dead.size === 0 || ++this.#beyond > maxBeyond;
  }

  /** Names the owners that the log did not, those who still are, and tells what was taken over. */
  end(status: Awaited<ReturnType<Observer["status"]>> | undefined): void {
    for (const { component, partition, owner } of status?.components ?? []) {
      if (component === this.#component && owner !== null) this.#own(partition, owner);
    }
    for (const name of this.#wanted) {
      const step = this.#found[name];
      if (step === undefined) continue;
      let before: FailedRun | undefined;
      const failed = step.failed.map((run) => {
        const isTakenOver = isChange(before, run.epoch);
        before = run;
        return { ...run, isTakenOver };
      });
      const isTakenOver = before === undefined ? this.#begunBefore.has(name) : isChange(before, step.epoch);
      this.#found[name] = { ...step, failed, isTakenOver: step.settledAt !== null && isTakenOver };
    }
  }

  #addFailed(partition: number, at: number, note: FailedNote): void {
    const endedAt = at - (note.endedAgoMs ?? 0);
    const run: FailedRun = {
      outcome: note.outcome,
      startedAt: endedAt - note.tookMs,
      endedAt,
      attempt: note.attempt,
      member: String(note.member ?? this.#owners.get(partition)?.member ?? ""),
      epoch: note.epoch,
      isTakenOver: false,
      error: String(note.error ?? note.errorType ?? ""), // anybody may have written the log
    };
    for (const id of note.entryIds) {
      const name = settlementName(this.#component, { partition, channel: note.channel, entryId: id });
      if (!this.#wanted.has(name)) continue;
      if (note.outcome === "deadLettered") this.#dead.delete(name);
      const before = this.#at(name);
      this.#found[name] = { ...before, failed: [...before.failed, run] };
    }
  }

  #at(name: string): StepSettlement {
    return (
      this.#found[name] ?? {
        settledAt: null,
        startedAt: null,
        attempt: 0,
        member: "",
        epoch: 0,
        isTakenOver: false,
        failed: [],
      }
    );
  }

  /** The epoch is the time at which an ownership began: what was settled since then is this owner's. */
  #own(partition: number, { member, epoch }: { readonly member: string; readonly epoch: number }): void {
    this.#unowned = this.#unowned.filter(({ partition: of, at, name }) => {
      if (of !== partition) return true;
      const step = this.#found[name];
      if (step !== undefined && at >= epoch)
        this.#found[name] = { ...step, member, epoch: step.epoch === 0 ? epoch : step.epoch };
      return false;
    });
  }
}

/** Whether the partition has another owner than at the run before. */
function isChange(before: FailedRun | undefined, epoch: number): boolean {
  if (before === undefined || epoch === 0 || before.epoch === 0) return false;
  return epoch !== before.epoch;
}
