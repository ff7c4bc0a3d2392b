/** Reports faults of telemetry: each kind is logged once, and never reaches the event. */

import type { Log } from "../ports/log.ts";

/** The place in which tracing failed; each is logged once. */
export type TracingFault = "send" | "process" | "settle" | "replay" | "metrics" | "gauges" | "context";

export class FaultReport {
  readonly #log: Log;
  readonly #reported = new Set<TracingFault>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Logs a fault. Never throws, whatever was thrown and whatever the log does. */
  report(fault: TracingFault, error: unknown): void {
    if (this.#reported.has(fault)) return;
    this.#reported.add(fault);
    try {
      this.#log.warn(
        { err: error, fault },
        `tracing failed (${fault}); events go on without it, later failures are not logged`,
      );
    } catch {
      // The log itself has failed: there is nobody to report that to.
    }
  }

  /** Runs a function. A fault in it is reported, and `otherwise` is returned. */
  attempt<T>(fault: TracingFault, run: () => T, otherwise: T): T {
    try {
      return run();
    } catch (error) {
      this.report(fault, error);
      return otherwise;
    }
  }
}
