/** The runs that replay one namespace, from their request to their end: what a process can do with them. */

import { ConfigError, FencedError, RecordingError, ReplayError } from "../../model/errors.ts";
import type { Inspector } from "../../ports/inspect.ts";
import type { Log } from "../../ports/log.ts";
import type { Run, RunQueue, RunRequest } from "../../ports/replay-runs.ts";
import { openSource, reopenSource, type SourceOptions } from "../source/open-source.ts";
import { noteInTime, type PerformParts, performRun, type ReplayReport, type RunOptions } from "./perform-run.ts";
import { type OpenedSource, type RepublishOptions, requestOf } from "./request.ts";
import { stateAt, unbegun } from "./run-state.ts";
import { refuseUnreadable, type Survey, surveySource } from "./survey.ts";
import { checkFit } from "./target-fit.ts";

/** What a replay would do. */
export interface Rehearsal extends Survey {
  readonly request: RunRequest;
}

/** The runs that replay one namespace. */
export interface Replays extends AsyncDisposable {
  /** Opens and checks a source. A recording is read through. @throws {RecordingError} {ReplayError} {StoreError} */
  open(options: SourceOptions): Promise<OpenedSource>;
  /**
   * Checks whether it can be done, and reads what it takes: an entry that is no event is refused unless `skipInvalid` is set. Writes nothing.
   * @throws {ConfigError} {ReplayError} {RecordingError} with the line {StoreError}, and the signal's reason
   */
  prepare(source: OpenedSource, options: RepublishOptions, signal?: AbortSignal): Promise<RunRequest>;
  /** Reads what would be republished. Writes nothing. @throws {RecordingError} {StoreError}, and the signal's reason */
  rehearse(source: OpenedSource, request: RunRequest, signal?: AbortSignal): Promise<Rehearsal>;
  /** Republishes. @throws {ReplayError} {FencedError} {StoreError}; what was republished stays, and the run can be resumed */
  start(source: OpenedSource, request: RunRequest, options?: RunOptions): Promise<ReplayReport>;
  /** Goes on with a run where it was interrupted. @throws as `start`, and {ReplayError} on a run that is not known */
  resume(run: string, options?: RunOptions): Promise<ReplayReport>;
  /** Leaves the run to a worker. @throws {ReplayError} {StoreError} */
  queue(request: RunRequest): Promise<void>;
  /** The latest first. */
  list(max?: number): Promise<readonly Run[]>;
  find(run: string): Promise<Run | undefined>;
  /** Ends a run within seconds, or keeps it from beginning. False: it has ended. @throws {ReplayError} on one that is not known */
  cancel(run: string): Promise<boolean>;
  /** Takes queued runs, one after the other, until the signal aborts; one that it is at then is handed back. */
  work(signal: AbortSignal, onRun?: (run: string, report: ReplayReport | Error) => void): Promise<void>;
}

export interface ReplaysParts extends PerformParts {
  /** Of the namespace that is replayed. */
  readonly inspector: Inspector;
  readonly queue: RunQueue;
  readonly log: Log;
  /** What was opened for these parts. */
  readonly resources: AsyncDisposable;
}

export class NamespaceReplays implements Replays {
  readonly #parts: ReplaysParts;

  constructor(parts: ReplaysParts) {
    this.#parts = parts;
  }

  open(options: SourceOptions): Promise<OpenedSource> {
    return openSource(this.#parts.inspector, options);
  }

  async prepare(opened: OpenedSource, options: RepublishOptions, signal?: AbortSignal): Promise<RunRequest> {
    const { store, openSpace, log } = this.#parts;
    const request = requestOf(opened, options, await store.now());
    const { namespace, sourceNamespace, into, skipInvalid } = request;
    await using space = openSpace(namespace, "prepare");
    await checkFit(space, request);
    const survey = await surveySource(opened.source, request, signal);
    if (!skipInvalid) refuseUnreadable(opened.source, survey);
    if (namespace === sourceNamespace && into === undefined) {
      log.warn({ namespace }, "the events go into the channels that they were read from");
    }
    const total = [...survey.entries.values()].reduce((sum, count) => sum + count, 0);
    return { ...request, total };
  }

  async rehearse({ source }: OpenedSource, request: RunRequest, signal?: AbortSignal): Promise<Rehearsal> {
    return { request, ...(await surveySource(source, request, signal)) };
  }

  async start({ source }: OpenedSource, request: RunRequest, options: RunOptions = {}): Promise<ReplayReport> {
    await this.#parts.store.create(request, "running");
    return performRun(this.#parts, source, unbegun(request, "running"), options);
  }

  async resume(run: string, options: RunOptions = {}): Promise<ReplayReport> {
    const { store, inspector } = this.#parts;
    const found = await store.find(run);
    if (found === undefined) {
      const { namespace } = inspector;
      throw new ReplayError(`there is no run ${run} of namespace "${namespace}": \`throughline replays\` lists them`);
    }
    return this.#goOn(found, options);
  }

  async queue(request: RunRequest): Promise<void> {
    const { store, queue } = this.#parts;
    await store.create(request, "queued");
    try {
      await queue.add(request.run);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      await noteInTime(store.end(request.run, "failed", { entries: 0, unreadable: 0 }, text));
      throw error;
    }
  }

  async list(max = 100): Promise<readonly Run[]> {
    const { store } = this.#parts;
    const [runs, now] = await Promise.all([store.list(max), store.now()]);
    return runs.map((run) => ({ ...run, state: stateAt(run, now) }));
  }

  async find(run: string): Promise<Run | undefined> {
    const { store } = this.#parts;
    const [found, now] = await Promise.all([store.find(run), store.now()]);
    return found === undefined ? undefined : { ...found, state: stateAt(found, now) };
  }

  async cancel(run: string): Promise<boolean> {
    const { store, queue } = this.#parts;
    const before = await store.cancel(run);
    // One that runs is at its process, which hears of it. What stays in the queue is left out by the worker who takes it.
    if (before !== "running" && before !== "done") await queue.remove(run);
    return before !== "done";
  }

  work(signal: AbortSignal, onRun: (run: string, report: ReplayReport | Error) => void = () => {}): Promise<void> {
    return this.#parts.queue.work(signal, async (run) => {
      const found = await this.#parts.store.find(run);
      if (found === undefined || found.state === "cancelled" || found.state === "done") return "done";
      try {
        const report = await this.#goOn(found, { signal });
        onRun(run, report);
        return report.state === "stopped" ? "again" : "done";
      } catch (error) {
        onRun(run, error instanceof Error ? error : new Error(String(error)));
        // What is wrong with the request or its source is wrong the next time, too. A server that is away comes back.
        if (isFinal(error)) return "done";
        throw error;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.resources[Symbol.asyncDispose]();
  }

  /** `run`: as it was looked at when it was decided to go on with it. */
  async #goOn(run: Run, options: RunOptions): Promise<ReplayReport> {
    const { inspector, store } = this.#parts;
    const { request } = run;
    let opened: OpenedSource;
    try {
      opened = await reopenSource(inspector, request);
    } catch (error) {
      if (error instanceof ReplayError || error instanceof RecordingError) {
        await noteInTime(store.end(request.run, "failed", run, error.message));
      }
      throw error;
    }
    return performRun(this.#parts, opened.source, run, options);
  }
}

/** Whether trying again would fail again. */
function isFinal(error: unknown): boolean {
  return [ReplayError, RecordingError, ConfigError, FencedError].some((kind) => error instanceof kind);
}
