/** Deliveries that have to wait although nothing has failed: they are parked, and no attempt is counted. */

import type { RetryPolicy } from "../model/channel.ts";
import { VersionError } from "../model/errors.ts";
import type { Log } from "../ports/log.ts";

/**
 * The longest time for which anything is parked at once, ms: of a retry by its policy, and at least a second. What has to wait longer is looked
 * at again, and parked again. (What is due later than that was parked by a clock that has been set back since.)
 */
export function longestDelayMs(subscriptions: Iterable<Pick<Deferrable, "subscription">["subscription"]>): number {
  let longest = 1_000;
  for (const { retry } of subscriptions) longest = Math.max(longest, retry.maxBackoffMs);
  return longest;
}

/** How often a member looks whether somebody else has taken what it does not know, ms. */
const unknownVersionMs = 5_000;

export interface Deferral {
  readonly delayMs: number;
  /** Others of its lane wait as well. */
  readonly block: boolean;
}

/** What is asked of a delivery. */
export interface Deferrable {
  readonly channel: string;
  readonly entryId: string;
  readonly problem: unknown;
  readonly dueAt: number;
  readonly subscription: { readonly retry: Required<RetryPolicy> };
}

export class Deferrals {
  readonly #component: string;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #longestMs: number;
  /** Channel and version of what was told of. */
  readonly #told = new Set<string>();

  /** `longestMs`: for which anything is parked at once. `now`: epoch ms. */
  constructor(component: string, log: Log, longestMs: number, now: () => number) {
    this.#longestMs = longestMs;
    this.#now = now;
    this.#component = component;
    this.#log = log;
  }

  /** Undefined where it need not wait. */
  of({ channel, entryId, problem, dueAt, subscription: { retry } }: Deferrable): Deferral | undefined {
    const remainingMs = dueAt === 0 ? 0 : dueAt - this.#now();
    if (remainingMs > 0) return { delayMs: Math.min(remainingMs, this.#longestMs), block: false };
    if (!(problem instanceof VersionError)) return undefined;
    const { version } = problem;
    const name = `${channel} ${version}`;
    if (!this.#told.has(name)) {
      this.#told.add(name);
      const fields = { component: this.#component, channel, version, entryId };
      this.#log.warn(
        fields,
        "entries of a version that this code does not know are parked until a member takes them that does",
      );
    }
    return { delayMs: Math.max(1, Math.min(unknownVersionMs, retry.maxBackoffMs)), block: retry.onRetry === "block" };
  }
}
