/** The runs that replay one namespace, from request to end, as a process uses them. */

import { messageOf } from "../../model/error-message.ts";
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

/** The foreseen extent of a replay. */
export interface Rehearsal extends Survey {
  readonly request: RunRequest;
}

/** The runs that replay one namespace. */
export interface Replays extends AsyncDisposable {
  /** Opens and checks a source; a recording is read completely. @throws {RecordingError} {ReplayError} {StoreError} */
  open(options: SourceOptions): Promise<OpenedSource>;
  /**
   * Checks a request and reads the whole source: an entry that is no event is refused unless `skipInvalid` is set. Writes nothing.
   * @throws {ConfigError} {ReplayError} {RecordingError} with the line {StoreError}, and the signal's reason
   */
  prepare(source: OpenedSource, options: RepublishOptions, signal?: AbortSignal): Promise<RunRequest>;
  /** Counts the entries that would be republished. Writes nothing. @throws {RecordingError} {StoreError}, and the signal's reason */
  rehearse(source: OpenedSource, request: RunRequest, signal?: AbortSignal): Promise<Rehearsal>;
  /** Republishes. @throws {ReplayError} {FencedError} {StoreError}; republished entries stay, and the run can be resumed */
  start(source: OpenedSource, request: RunRequest, options?: RunOptions): Promise<ReplayReport>;
  /** Continues an interrupted run. @throws as `start`, and {ReplayError} on an unknown run */
  resume(run: string, options?: RunOptions): Promise<ReplayReport>;
  /** Queues a run for a worker. @throws {ReplayError} {StoreError} */
  queue(request: RunRequest): Promise<void>;
  /** Lists the latest runs, the latest first. */
  list(max?: number): Promise<readonly Run[]>;
  find(run: string): Promise<Run | undefined>;
  /** Ends a run within seconds, or keeps it from beginning. False: the run had ended. @throws {ReplayError} on an unknown run */
  cancel(run: string): Promise<boolean>;
  /** Performs queued runs, one after the other, until the signal aborts; the current run then returns to the queue. */
  work(signal: AbortSignal, onRun?: (run: string, report: ReplayReport | Error) => void): Promise<void>;
}

/** The collaborators of the runs. */
export interface ReplaysParts extends PerformParts {
  /** The inspector of the replayed namespace. */
  readonly inspector: Inspector;
  readonly queue: RunQueue;
  readonly log: Log;
  /** The resources that were opened for these parts. */
  readonly resources: AsyncDisposable;
}

/** Performs and records runs. */
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
      const text = messageOf(error);
      await noteInTime(store.end(request.run, "failed", { entries: 0, unreadable: 0 }, text));
      throw error;
    }
  }

  async list(max = 100): Promise<readonly Run[]> {
    const { runs, now } = await this.#parts.store.list(max);
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
    // A running process learns of the end by its heartbeat. A worker that takes a cancelled run from the queue skips it.
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
        // A fault of the request or its source is permanent, but a server that is away comes back.
        if (isFinal(error)) return "done";
        throw error;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.resources[Symbol.asyncDispose]();
  }

  /** Continues a run. `run`: its state at the decision to continue. */
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

/** Tells whether another try would fail, too. */
function isFinal(error: unknown): boolean {
  return [ReplayError, RecordingError, ConfigError, FencedError].some((kind) => error instanceof kind);
}
