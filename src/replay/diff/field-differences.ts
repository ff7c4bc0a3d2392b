/** The fields in which two JSON values differ, as paths. */

import { maxShownNesting } from "../../inspect/entries/entry-json.ts";
import { isNestedDeeper } from "../../model/payload-limits.ts";

/** A field that differs. `path` is dotted from the entry: `payload.quantity`, `payload.userIds[1]`, `key`. An absent value is undefined. */
export interface FieldDifference {
  readonly path: string;
  readonly recorded: unknown;
  readonly replayed: unknown;
}

/** Paths that may differ, as in `FieldDifference`, with `[]` for any index of a list. A path includes everything below it. */
export type IgnoredPaths = ReadonlySet<string>;

/** Most fields that are named of one event. */
const maxFields = 100;

/** Compares two payloads as they were written. A payload that is no JSON, or is nested too deep for the stack, is compared as text. */
export function payloadDifferences(
  recorded: string,
  replayed: string,
  ignored: IgnoredPaths,
): readonly FieldDifference[] {
  if (recorded === replayed) return none;
  const found: FieldDifference[] = [];
  compare("payload", "payload", parse(recorded), parse(replayed), ignored, found);
  return found;
}

function compare(
  path: string,
  pattern: string,
  recorded: unknown,
  replayed: unknown,
  ignored: IgnoredPaths,
  found: FieldDifference[],
): void {
  if (found.length >= maxFields || ignored.has(pattern) || Object.is(recorded, replayed)) return;
  if (Array.isArray(recorded) && Array.isArray(replayed)) {
    const length = Math.max(recorded.length, replayed.length);
    for (let i = 0; i < length; i++) compare(`${path}[${i}]`, `${pattern}[]`, recorded[i], replayed[i], ignored, found);
    return;
  }
  if (isObject(recorded) && isObject(replayed)) {
    for (const name of new Set([...Object.keys(recorded), ...Object.keys(replayed)])) {
      compare(`${path}.${name}`, `${pattern}.${name}`, own(recorded, name), own(replayed, name), ignored, found);
    }
    return;
  }
  found.push({ path, recorded, replayed });
}

const none: readonly FieldDifference[] = Object.freeze([]);

function parse(text: string): unknown {
  if (isNestedDeeper(text, maxShownNesting)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(value: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
