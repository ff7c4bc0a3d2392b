/** Refusals: every answer that is no success has a sentence for the person before the page. */

import type { ContentfulStatusCode } from "hono/utils/http-status";
import { ConfigError, StoreError, ThroughlineError } from "../../index.ts";

/** A request that is not answered, with the reason. */
export class Refusal extends Error {
  readonly status: ContentfulStatusCode;

  constructor(status: ContentfulStatusCode, message: string) {
    super(message);
    this.status = status;
  }
}

/** The status and the sentence of an error; undefined for one that nobody foresaw. */
export function problemOf(
  error: unknown,
): { readonly status: ContentfulStatusCode; readonly problem: string } | undefined {
  if (error instanceof Refusal) return { status: error.status, problem: error.message };
  if (!(error instanceof ThroughlineError)) return undefined;
  if (error instanceof StoreError && /NOPERM|this user may not load it/.test(deepMessage(error))) {
    return {
      status: 403,
      problem: `The console's Redis user may not do this, and nothing was done: ${error.message}. Start the console as a user with the role that may (throughline acl --help).`,
    };
  }
  const status = error instanceof StoreError ? 503 : error instanceof ConfigError ? 400 : 409;
  return {
    status,
    problem: `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`.replace(/\.\.$/, "."),
  };
}

function deepMessage(error: Error): string {
  return error.cause instanceof Error ? `${error.message} ${deepMessage(error.cause)}` : error.message;
}
