/** `eventually`: waits for a condition that nothing announces. Where something does announce it, await that instead. */

/**
 * Polls until `condition` gives something other than undefined or false, and gives that back.
 * @throws what the condition last threw, or an error with its name, after `timeoutMs`.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value as Exclude<T, false | undefined>;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) {
      throw failure ?? new Error(`this did not become true within ${timeoutMs} ms: ${condition.toString()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
