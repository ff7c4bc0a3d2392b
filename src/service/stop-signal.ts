/** `stopSignal`: makes an abort signal of SIGTERM and Ctrl-C. */

/** Time within which a repeated signal counts as the same one, ms. */
const repeatMs = 500;

/**
 * Aborts at the first SIGTERM or SIGINT, after `onStop`. The second one ends the process at once with 143 or 130.
 * A Ctrl-C under npm comes twice, from the terminal and from npm: signals within 500 ms count as one.
 */
export function stopSignal(onStop: (name: NodeJS.Signals) => void = () => undefined): AbortSignal {
  const stop = new AbortController();
  let stoppedAt = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      if (performance.now() - stoppedAt > repeatMs) process.exit(name === "SIGINT" ? 130 : 143);
      return;
    }
    stoppedAt = performance.now();
    onStop(name);
    stop.abort();
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  return stop.signal;
}
