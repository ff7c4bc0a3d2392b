/** Performs one run, and records its start, its heartbeats and its end. */

import type { LogEntry } from "../../inspect/entries/log-reader.ts";
import { messageOf } from "../../model/error-message.ts";
import { FencedError } from "../../model/errors.ts";
import type { Speed } from "../../model/speed.ts";
import { endsWithin } from "../../model/waits.ts";
import type { Run, RunStore } from "../../ports/replay-runs.ts";
import type { TargetSpace } from "../../ports/replay-target.ts";
import type { ReplaySpan, Tracing } from "../../ports/tracing.ts";
import { Pace } from "../source/pacing.ts";
import type { ReplaySource } from "../source/source.ts";
import { type Republished, republish } from "./republish.ts";
import { targetChannels } from "./request.ts";
import { beatEveryMs } from "./run-state.ts";

/** The options of performing a run. */
export interface RunOptions {
  /** Ends the run early; the run can be resumed. */
  readonly signal?: AbortSignal | undefined;
  /** A speed that replaces the requested one. */
  readonly speed?: Speed | undefined;
  /** Called once the run is noted as running: it is listed from then on, and can be cancelled. */
  readonly onRunning?: (() => void) | undefined;
  /** Called with the number of entries that the run has appended in all. */
  readonly onProgress?: ((entries: number) => void) | undefined;
  /** Called for each entry that is no event, and is left out. */
  readonly onUnreadable?: ((entry: LogEntry) => void) | undefined;
}

/** The result of a run. */
export interface ReplayReport extends Republished {
  readonly run: string;
  readonly sourceNamespace: string;
  readonly namespace: string;
  /** The channels that were written to. */
  readonly channels: readonly string[];
  readonly state: "done" | "stopped" | "cancelled";
  /** Greatest delay of an entry behind its due time, ms. */
  readonly maxLateMs: number;
  readonly durationMs: number;
}

/** The collaborators of a run. */
export interface PerformParts {
  readonly store: RunStore;
  readonly tracing: Pick<Tracing, "replay">;
  readonly openSpace: (namespace: string, purpose: string) => TargetSpace;
}

/** Longest wait for the record of a run's end, ms. */
const notePatienceMs = 3_000;

/**
 * Performs a run. `run`: its state at the decision to perform it; a run that was cancelled since does not begin.
 * @throws {ReplayError} {FencedError} {StoreError}; republished entries stay, and the run can be resumed
 */
export function performRun(
  parts: PerformParts,
  source: ReplaySource,
  run: Run,
  options: RunOptions,
): Promise<ReplayReport> {
  return new RunPerformance(parts, run, options).perform(source);
}

/** Waits for a record no longer than a person would: a run whose end was not recorded counts as interrupted. */
export async function noteInTime(noting: Promise<void>): Promise<void> {
  await endsWithin(
    notePatienceMs,
    noting.catch(() => undefined),
  );
}

class RunPerformance {
  readonly #parts: PerformParts;
  readonly #run: Run;
  readonly #options: RunOptions;
  readonly #pace: Pace;
  readonly #span: ReplaySpan;
  readonly #startedAt = performance.now();
  /** Aborts when the run is cancelled. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #entries: number;
  #unreadable: number;

  constructor(parts: PerformParts, run: Run, options: RunOptions) {
    this.#parts = parts;
    this.#run = run;
    this.#options = options;
    this.#pace = new Pace(options.speed ?? run.request.speed);
    this.#span = parts.tracing.replay({ runId: run.request.run, channels: run.request.channels });
    this.#signal = AbortSignal.any([this.#stop.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    this.#entries = run.entries;
    this.#unreadable = run.unreadable;
  }

  async perform(source: ReplaySource): Promise<ReplayReport> {
    const { run, namespace } = this.#run.request;
    const { store, openSpace } = this.#parts;
    await using space = openSpace(namespace, `replay:${run}`);
    let timer: NodeJS.Timeout | undefined;
    try {
      if (!(await store.begin(run, this.#run.state))) {
        this.#stop.abort();
        return this.#report(this.#nothing());
      }
      this.#options.onRunning?.();
      timer = setInterval(() => this.#beat(), beatEveryMs);
      return await this.#ended(await this.#republish(source, space));
    } catch (error) {
      // Redis was away when the end was requested, so this call republished nothing.
      if (this.#signal.aborted && error === this.#signal.reason) return await this.#ended(this.#nothing());
      this.#span.ended(this.#entries, error);
      const text = messageOf(error);
      // The process that took the run over records its state.
      if (!(error instanceof FencedError)) await noteInTime(store.end(run, "failed", this.#counts(), text));
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  async #republish(source: ReplaySource, space: TargetSpace): Promise<Republished> {
    const { request } = this.#run;
    const { run, sourceNamespace, partitions, into, live } = request;
    const target = await space.openTarget({
      run,
      partitions,
      shadowOf: live ? undefined : `${sourceNamespace} ${run}`,
      channels: targetChannels(request),
      signal: this.#signal,
    });
    this.#unreadable = 0; // the source is read from its beginning
    return republish({
      run,
      source,
      selection: request,
      into,
      target,
      pace: this.#pace,
      span: this.#span,
      signal: this.#signal,
      onProgress: (entries) => {
        this.#entries = entries;
        this.#options.onProgress?.(entries);
      },
      onUnreadable: (entry) => {
        this.#unreadable++;
        this.#options.onUnreadable?.(entry);
      },
    });
  }

  /** Sends a heartbeat, and learns from the reply whether the run was cancelled. */
  #beat(): void {
    this.#parts.store.beat(this.#run.request.run, this.#entries).then(
      (isCancelled) => {
        if (isCancelled) this.#stop.abort();
      },
      () => undefined, // an observer sees that the run is silent
    );
  }

  async #ended(republished: Republished): Promise<ReplayReport> {
    const report = this.#report(republished);
    await noteInTime(this.#parts.store.end(report.run, report.state, republished));
    return report;
  }

  #report(republished: Republished): ReplayReport {
    const { request } = this.#run;
    const { run, sourceNamespace, namespace } = request;
    this.#span.ended(republished.appended);
    return {
      ...republished,
      run,
      sourceNamespace,
      namespace,
      channels: targetChannels(request),
      state: republished.complete ? "done" : this.#stop.signal.aborted ? "cancelled" : "stopped",
      durationMs: performance.now() - this.#startedAt,
      maxLateMs: this.#pace.maxLateMs,
    };
  }

  #nothing(): Republished {
    return { ...this.#counts(), appended: 0, complete: false };
  }

  #counts(): { readonly entries: number; readonly unreadable: number } {
    return { entries: this.#entries, unreadable: this.#unreadable };
  }
}
