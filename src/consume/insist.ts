/** Doing what Redis refuses for now: again and again, less and less often. */

import { setTimeout as delay } from "node:timers/promises";
import type { AttemptContext } from "./context.ts";
import { reasonOf } from "./outcome.ts";

/** How long a settlement that Redis refused (memory full, a wrong type, a permission) waits before it is tried again, ms. */
export const refusedDelayMs = { first: 200, most: 10_000 };

/** Tries until Redis does it, however long it refuses: the entry is safe in the pending list meanwhile. Undefined once the drain ended. */
export async function insist<T>(
  context: AttemptContext,
  failing: string,
  act: () => Promise<T>,
): Promise<T | undefined> {
  const { log, component, signal } = context;
  for (let delayMs = refusedDelayMs.first; ; delayMs = Math.min(delayMs * 2, refusedDelayMs.most)) {
    try {
      return await act();
    } catch (error) {
      if (signal.aborted) return undefined;
      log.error({ component, reason: reasonOf(error) }, failing);
      await delay(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
