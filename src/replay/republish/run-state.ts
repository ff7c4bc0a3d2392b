/** The state of a run as it stands at a time: what its notes say, and what their silence means. */

import type { Run, RunRequest, RunState } from "../../ports/replay-runs.ts";

/** A run that nothing was done for. */
export function unbegun(request: RunRequest, state: RunState): Run {
  return { request, state, entries: 0, unreadable: 0, error: "", seenAt: 0 };
}

/** How often the process of a run says that it lives, ms. */
export const beatEveryMs = 1_000;
/** After this silence a run that says it runs is taken for interrupted, ms. */
const silenceMs = 10_000;

/** As it stands at a time on the server's clock: a process that was killed could not say so. */
export function stateAt({ state, seenAt }: Run, now: number): RunState {
  return state === "running" && now - seenAt > silenceMs ? "stopped" : state;
}
