/** What becomes of a delivery whose attempt failed: a pure decision. */

import type { RetryPolicy } from "../model/channel.ts";
import { EnvelopeError, PayloadError, PermanentError, ThroughlineError } from "../model/errors.ts";

export type Verdict =
  | { readonly kind: "retry"; readonly delayMs: number; readonly block: boolean }
  | { readonly kind: "bury"; readonly code: string; readonly reason: string };

/** `random` is a number from 0 to 1 that the jitter is taken from. */
export function judge(error: unknown, attempt: number, policy: Required<RetryPolicy>, random: number): Verdict {
  const hopeless = error instanceof PermanentError || error instanceof EnvelopeError || error instanceof PayloadError;
  if (hopeless || attempt >= policy.maxAttempts) {
    return { kind: "bury", code: codeOf(error), reason: reasonOf(error) };
  }
  const grown = Math.min(policy.backoffMs * 2 ** (attempt - 1), policy.maxBackoffMs);
  const delayMs = Math.round(grown * (1 - policy.jitter * random));
  return { kind: "retry", delayMs, block: policy.onRetry === "block" };
}

/** A stable word for the kind of failure: our code, a system error's code, or the error's name. */
export function codeOf(error: unknown): string {
  if (error instanceof ThroughlineError) return error.code;
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" && code !== "" ? code.slice(0, 64) : error.name.slice(0, 64);
}

/** The text of what was thrown, whatever it was, at most 2,000 characters. */
export function reasonOf(error: unknown): string {
  try {
    return (error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`).slice(0, 2_000);
  } catch {
    return "thrown: a value that has no text";
  }
}
