/** The state of a run at a given time, from its record and the age of its last heartbeat. */

import type { Run, RunRequest, RunState } from "../../ports/replay-runs.ts";

/** A run that has not begun. */
export function unbegun(request: RunRequest, state: RunState): Run {
  return { request, state, entries: 0, unreadable: 0, error: "", seenAt: 0 };
}

/** Time between the heartbeats of a run's process, ms. */
export const beatEveryMs = 1_000;
/** Longest silence of a running process, ms: after it the run counts as interrupted. */
const silenceMs = 10_000;

/** The state at a time on the server's clock. A process that was killed cannot record that its run has stopped. */
export function stateAt({ state, seenAt }: Run, now: number): RunState {
  return state === "running" && now - seenAt > silenceMs ? "stopped" : state;
}
