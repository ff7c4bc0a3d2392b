/** What the error of an export says: whether the same batch may succeed later, and whether a Collector may have it already. */

/** gRPC status codes after which the same batch may succeed. @see https://opentelemetry.io/docs/specs/otlp/#failures */
const passing: ReadonlySet<number> = new Set([1, 4, 8, 10, 11, 14, 15]);
export const resourceExhausted = 8;
/** Codes that the client gives itself, too: where a call is cancelled, its deadline passes, or its connection breaks. */
const ofClient: ReadonlySet<number> = new Set([1, 4, 14]);
/** How the client says that a call never got onto a connection, or that a server has not looked at it. */
const unsent = /^(?:\w+: )?No connection established|^Name resolution failed|^Stream refused by server|Waiting for /;

interface Failure {
  readonly code?: unknown;
  readonly details?: unknown;
  readonly metadata?: { readonly getMap?: () => object };
}

export function codeOf(error: Error | undefined): unknown {
  return (error as Failure | undefined)?.code;
}

/** True for an error that may pass. An error without a gRPC status is ours or the connection's. */
export function mayPass(error: Error | undefined): boolean {
  const code = codeOf(error);
  return typeof code !== "number" || passing.has(code);
}

/**
 * False where the batch was sent, as far as can be told, and the answer was lost. A Collector's own refusal comes with its headers; an error
 * without a gRPC status was thrown before anything was sent.
 */
export function isAnswered(error: Error | undefined): boolean {
  const { code, details, metadata } = (error ?? {}) as Failure;
  if (typeof code !== "number" || !ofClient.has(code) || unsent.test(String(details))) return true;
  return Object.keys(metadata?.getMap?.() ?? {}).length > 0;
}
