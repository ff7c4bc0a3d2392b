/** Parses a client's text as an order: applies defaults, then the channel's own schema. */

import type { PayloadIssue } from "throughline";
import { ClientCancel, ClientOrder, isCancel } from "./payloads.ts";

export type ParsedOrder = { readonly order: ClientOrder } | { readonly issues: readonly PayloadIssue[] };

export type ParsedCancel = { readonly cancel: ClientCancel } | { readonly issues: readonly PayloadIssue[] };

/** Parses one line of a file as an order or a cancel, or returns the reason why it is none. */
export type LineReader = (
  text: string,
) => { readonly order: ClientOrder } | { readonly cancel: ClientCancel } | { readonly skipped: string };

/** Values for fields that an order may leave out. */
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

/** Parses what a client has written as a cancel. */
export function parseCancel(written: object, defaults: OrderDefaults = {}): ParsedCancel {
  const parsed = ClientCancel.safeParse({ kind: "cancel", ...defaults, ...written });
  if (parsed.success) return { cancel: parsed.data };
  return { issues: parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), reason: message })) };
}

/** True for what calls itself a cancel. */
export function looksLikeCancel(written: unknown): written is object {
  return typeof written === "object" && written !== null && isCancel(written);
}

/** The issues on one line, for a log or a list of skipped lines. */
export function describeIssues(issues: readonly PayloadIssue[]): string {
  return issues.map(({ path, reason }) => (path === "" ? reason : `${path} ${reason}`)).join("; ");
}
