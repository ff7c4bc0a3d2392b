/** Actions: what the page may have done, where the console was started so that it may. */

import type { Context } from "hono";
import type { ResolvedConsoleOptions } from "../options.ts";
import { Refusal } from "./refusal.ts";

/** Gives the wish where actions are allowed. @throws {Refusal} */
export function allowed<T>({ allowActions }: ResolvedConsoleOptions, wish: T): T {
  if (allowActions) return wish;
  throw new Refusal(403, "The console was started without --allow-actions: it only reads, and nothing was done.");
}

/** The wish as JSON. A form of another site cannot send that type. @throws {Refusal} */
export async function bodyOf(c: Context): Promise<Readonly<Record<string, unknown>>> {
  if (!/^application\/json\b/.test(c.req.header("content-type") ?? "")) {
    throw new Refusal(415, "The console takes JSON (content-type: application/json).");
  }
  const body: unknown = await c.req.json().catch(() => undefined);
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new Refusal(400, "The wish is no JSON object.");
  return body as Readonly<Record<string, unknown>>;
}
