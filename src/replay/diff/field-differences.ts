/** Which fields of two JSON values differ, as paths. */

import { maxShownNesting } from "../../inspect/entries/entry-json.ts";
import { isNestedDeeper } from "../../model/envelope.ts";

/** `path` is dotted from the entry: `payload.quantity`, `payload.userIds[1]`, `key`. A value that is absent is undefined. */
export interface FieldDifference {
  readonly path: string;
  readonly recorded: unknown;
  readonly replayed: unknown;
}

/** What may differ: paths as in `FieldDifference`, with `[]` for any place in a list. A path stands for all that is below it. */
export type IgnoredPaths = ReadonlySet<string>;

/** Most fields named of one event. */
const maxFields = 100;

/** Differences of two payloads as they were written. What is no JSON, or is nested too deep for the stack, is compared as text. */
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
