/** Checks that a channel's payloads survive JSON: once for each channel of a process, at its first publish. */

import { isDeepStrictEqual } from "node:util";
import { type Channel, validatePayload } from "./channel.ts";
import { encodePayload } from "./envelope.ts";
import { PayloadError, type PayloadIssue } from "./errors.ts";

/** Channels of which a payload has come back from JSON unchanged. */
const proven = new WeakSet<object>();

/**
 * Gives the payload as the channel's schema returns it; a promise only where the schema is asynchronous. Until a payload of the channel
 * has survived JSON, each one is also written as JSON, parsed, and validated once more, as every delivery does.
 * @throws {PayloadError} with the path and reason of each issue
 */
export function payloadToPublish<P>(channel: Channel<P>, payload: unknown): P | Promise<P> {
  const valid = validatePayload(channel, payload);
  if (proven.has(channel)) return valid;
  return valid instanceof Promise ? valid.then((one) => prove(channel, one)) : prove(channel, valid);
}

function prove<P>(channel: Channel<P>, sent: P): P | Promise<P> {
  const parsed: unknown = JSON.parse(encodePayload(channel, sent));
  const conclude = (arrived: P): P => {
    const found = differenceOf(sent, arrived, "");
    if (found !== undefined) throw new PayloadError(channel.name, [changed(found)]);
    proven.add(channel);
    return sent;
  };
  const refused = (error: unknown): never => {
    if (!(error instanceof PayloadError)) throw error;
    const issues = error.issues.map((issue) => refusedLater(issue, sent, parsed));
    throw new PayloadError(channel.name, issues, { cause: error });
  };
  let arrived: P | Promise<P>;
  try {
    arrived = validatePayload(channel, parsed);
  } catch (error) {
    return refused(error);
  }
  return arrived instanceof Promise ? arrived.then(conclude, refused) : conclude(arrived);
}

/** The first difference of two values. `path`: dotted from the root. */
interface Difference {
  readonly path: string;
  readonly sent: unknown;
  readonly arrived: unknown;
}

/** Compares values as JSON does: an undefined field counts as absent, and of an object only the fields count, not the class. */
function differenceOf(sent: unknown, arrived: unknown, path: string): Difference | undefined {
  if (sent === arrived) return undefined;
  const kind = tagOf(sent);
  const isObject = typeof sent === "object" && sent !== null && kind === tagOf(arrived);
  if (!isObject || (kind === "Array" && (sent as unknown[]).length !== (arrived as unknown[]).length)) {
    return { path, sent, arrived };
  }
  if (kind !== "Object" && kind !== "Array")
    return isDeepStrictEqual(sent, arrived) ? undefined : { path, sent, arrived };
  const [one, other] = [sent, arrived] as readonly Readonly<Record<string, unknown>>[];
  for (const name of new Set([...Object.keys(one ?? {}), ...Object.keys(other ?? {})])) {
    const found = differenceOf(one?.[name], other?.[name], path === "" ? name : `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function changed({ path, sent, arrived }: Difference): PayloadIssue {
  const [before, after] = [nameOf(sent), nameOf(arrived)];
  const what =
    before === after
      ? `${textOf(sent)} is published and ${textOf(arrived)} arrives`
      : `${before} is published and ${after} arrives`;
  return { path, reason: `it does not survive JSON: ${what}. ${adviceFor(sent, before === after)}` };
}

/** Explains an issue that the schema finds in a parsed payload, although the schema itself gave the payload. */
function refusedLater({ path, reason }: PayloadIssue, sent: unknown, parsed: unknown): PayloadIssue {
  // A union reports only that none of its members fits.
  const atIssue = { path, sent: valueAt(sent, path), arrived: valueAt(parsed, path) };
  const found = differenceOf(atIssue.sent, atIssue.arrived, path);
  if (found === undefined) {
    return { path, reason: `the schema refuses its own output (${reason}). ${adviceFor(atIssue.sent, true)}` };
  }
  const what = `${nameOf(found.sent)} is published and ${nameOf(found.arrived)} arrives`;
  return {
    path: found.path,
    reason: `it does not survive JSON: ${what}, which the schema refuses (${reason}): ${adviceFor(found.sent, false)}`,
  };
}

/** Advises a remedy. `isOfOneKind`: the schema changes the value, and not JSON. */
function adviceFor(sent: unknown, isOfOneKind: boolean): string {
  if (isOfOneKind) {
    return "The schema is applied at publish and again at each delivery, so it must give its own output back unchanged: transform before you publish, or in the handler";
  }
  switch (tagOf(sent)) {
    case "Date":
      return "declare it as text, such as z.iso.datetime(), or have the schema make it again, such as z.coerce.date()";
    case "Map":
      return "declare it as an object, such as z.record()";
    case "Set":
      return "declare it as a list, such as z.array()";
    default:
      return "declare it as what JSON can hold: text, a finite number, true, false, null, a list or a plain object";
  }
}

function valueAt(root: unknown, path: string): unknown {
  if (path === "") return root;
  let value = root;
  for (const name of path.split(".")) value = (value as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  return value;
}

/** The built-in type of a value, such as `Date`; "Object" for objects of a user's own class, too. */
function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

function nameOf(value: unknown): string {
  if (value === undefined || value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return Number.isFinite(value) ? "a number" : String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const kind = tagOf(value);
  if (kind === "Array") return "a list";
  return kind === "Object" ? "an object" : `a ${kind}`;
}

/** Most characters of a value that are quoted. */
const maxQuoted = 60;

function textOf(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text;
}
