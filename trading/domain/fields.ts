/** The fields that payloads and protocols of trading share, with messages that say what a value must be. */

import type { Channel } from "throughline";
import { z } from "zod";

export type Side = "buy" | "sell";

/** Largest quantity of one order. A batch of orders adds up far below 2^53. */
export const maxQuantity = 10_000_000;

/** The message for a value of the wrong type; a missing value has another one. */
export const must = (what: string): { error: (issue: { readonly input?: unknown }) => string } => ({
  error: ({ input }) => (input === undefined ? "is missing" : `must be ${what}`),
});
/** An object with exactly these fields. */
export function fieldsOnly<S extends z.core.$ZodShape>(fields: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(fields, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `must have no other field: ${(issue["keys"] as readonly string[]).map((key) => JSON.stringify(key)).join(", ")}`
        : "must be an object",
  });
}
export const text = (longest: number): z.ZodString =>
  z
    .string(must(`a string of 1 to ${longest} characters`))
    .min(1)
    .max(longest);
// Without ":", so that user and order id can be joined with it; without spaces and commas, so that they fit into
// baggage.
export const clientId: z.ZodString = z
  .string(must("a string"))
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must be 1 to 64 of A-Z, a-z, 0-9, ".", "_", "-", beginning with a letter or digit',
  );
export const marketId: z.ZodString = z
  .string(must("a string"))
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,159}$/, "must be an id of 1 to 160 characters without spaces");
export const symbol: z.ZodString = z
  .string(must("a string"))
  .regex(/^[A-Z][A-Z0-9.-]{0,15}$/, 'must be 1 to 16 of A-Z, 0-9, "." and "-", beginning with a letter');
export const price: z.ZodString = z
  .string(must('a decimal string such as "577.50", not a number'))
  .regex(
    /^(?=.*[1-9])(?:0|[1-9]\d{0,9})(?:\.\d{1,8})?$/,
    'must be a decimal above 0 such as "577.50", with at most 8 decimals',
  );
export const quantity: z.ZodInt = z
  .int(must("a whole number of shares"))
  .min(1, "must be at least 1")
  .max(maxQuantity, `must be at most ${maxQuantity}`);
export const side: z.ZodType<Side> = z.enum(["buy", "sell"], must('"buy" or "sell"'));
export const time: z.ZodInt = z.int(must("a time in whole ms since the epoch")).min(0);

/** One of two kinds of object: with `kind: "cancel"` the other one. */
export function eitherOf<A, B extends { readonly kind: "cancel" }>(
  plain: z.ZodType<A>,
  cancel: z.ZodType<B>,
): Channel<A | B>["schema"] {
  const validate: Channel<A | B>["schema"]["~standard"]["validate"] = (value) => {
    const isCancel = typeof value === "object" && value !== null && "kind" in value && value.kind === "cancel";
    return (isCancel ? cancel : plain)["~standard"].validate(value);
  };
  return { "~standard": { version: 1, vendor: "trading", validate } };
}
