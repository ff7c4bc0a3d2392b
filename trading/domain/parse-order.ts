/** A client order from what a client wrote: defaults first, then the channel's own schema. */

import type { PayloadIssue } from "throughline";
import { ClientOrder } from "./payloads.ts";

export type ParsedOrder = { readonly order: ClientOrder } | { readonly issues: readonly PayloadIssue[] };

/** Turns one line of a file into an order, or says why it is none. */
export type LineReader = (text: string) => { readonly order: ClientOrder } | { readonly skipped: string };

/** What an order may leave out. */
export interface OrderDefaults {
  readonly userId?: string;
  readonly symbol?: string;
}

export function parseOrder(written: unknown, defaults: OrderDefaults = {}): ParsedOrder {
  if (typeof written !== "object" || written === null || Array.isArray(written)) {
    return { issues: [{ path: "", reason: "must be an object" }] };
  }
  const parsed = ClientOrder.safeParse({ orderType: "limit", ...defaults, ...written });
  if (parsed.success) return { order: parsed.data };
  return { issues: parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), reason: message })) };
}

/** The issues in one line, for a log or a list of skipped lines. */
export function describeIssues(issues: readonly PayloadIssue[]): string {
  return issues.map(({ path, reason }) => (path === "" ? reason : `${path} ${reason}`)).join("; ");
}
