/** `rejects`: what uvu's `throws` is, for promises. */

/** Awaits the rejection, checks its class and, where given, its message, and gives it back for more checks. */
export async function rejects<E extends Error>(
  promise: Promise<unknown>,
  // biome-ignore lint/suspicious/noExplicitAny: any constructor of the class will do, whatever it takes
  expected: abstract new (...args: any[]) => E,
  message?: RegExp,
): Promise<E> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error ?? new Error("rejected with nothing"),
  );
  if (thrown === undefined) throw new Error(`should have been rejected with ${expected.name}, but was fulfilled`);
  if (!(thrown instanceof expected)) {
    throw new Error(`should have been rejected with ${expected.name}, but was with: ${thrown}`, { cause: thrown });
  }
  if (message !== undefined && !message.test(thrown.message)) {
    throw new Error(`the message of ${expected.name} should match ${message}: ${thrown.message}`, { cause: thrown });
  }
  return thrown;
}
