/** Masks: values of some attributes leave the server as pseudonyms only, wherever in an answer they stand. */

import { createHmac, randomBytes } from "node:crypto";

/** Shorter values are masked only where they are the whole text: they stand in other words by chance. */
const shortest = 3;

export class Mask {
  readonly #attributes: readonly string[];
  readonly #key = randomBytes(32);

  /** `attributes`: `user.id` for a member of the baggage, `payload.email` for a field of the payload. */
  constructor(attributes: readonly string[]) {
    this.#attributes = attributes;
  }

  /** Gives the answer with every such value of its events replaced: in keys, ids, payloads, errors and filters, too. */
  over<T>(answer: T): T {
    if (this.#attributes.length === 0) return answer;
    const values = new Map<string, string>();
    collect(answer, this.#attributes, (attribute, value) => values.set(value, this.#pseudonym(attribute, value)));
    if (values.size === 0) return answer;
    const longest = [...values.keys()].filter((value) => value.length >= shortest).sort((a, b) => b.length - a.length);
    const inText =
      longest.length === 0
        ? undefined
        : new RegExp(`(?<![\\p{L}\\p{N}])(?:${longest.map((one) => literal(one)).join("|")})(?![\\p{L}\\p{N}])`, "gu");
    const text = (one: string): string =>
      values.get(one) ??
      this.#filter(one) ??
      (inText === undefined ? one : one.replace(inText, (value) => values.get(value) ?? value));
    return replaced(answer, text, values) as T;
  }

  /** A filter by a masked attribute, whatever the length of its value. */
  #filter(text: string): string | undefined {
    const attribute = this.#attributes.find((name) => text.startsWith(`${name}=`));
    if (attribute === undefined) return undefined;
    return `${attribute}=${this.#pseudonym(attribute, text.slice(attribute.length + 1))}`;
  }

  /** The same for the same value as long as the console runs, so that what belongs together is seen. */
  #pseudonym(attribute: string, value: string): string {
    return `‹${attribute} ${createHmac("sha256", this.#key).update(value).digest("hex").slice(0, 8)}›`;
  }
}

function collect(at: unknown, attributes: readonly string[], add: (attribute: string, value: string) => void): void {
  const open: unknown[] = [at];
  for (let one = open.pop(); one !== undefined || open.length > 0; one = open.pop()) {
    if (typeof one === "string") addFilter(one, attributes, add);
    if (typeof one !== "object" || one === null) continue;
    const { baggage, payload } = one as { readonly baggage?: unknown; readonly payload?: unknown };
    for (const attribute of attributes) {
      const [first, ...path] = attribute.split(".");
      const value = first === "payload" ? valueAt(payload, path) : valueAt(baggage, [attribute]);
      if (typeof value !== "string" && typeof value !== "number") continue;
      for (const part of [String(value), ...String(value).split("|")]) if (part !== "") add(attribute, part);
    }
    open.push(...Object.values(one));
  }
}

/** A filter such as `user.id=ann`, of a replay or a search, has its value without an event. */
function addFilter(text: string, attributes: readonly string[], add: (attribute: string, value: string) => void): void {
  for (const attribute of attributes) {
    const value = text.startsWith(`${attribute}=`) ? text.slice(attribute.length + 1) : "";
    if (value !== "") add(attribute, value);
  }
}

/** The pattern of a text that stands for itself. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function valueAt(from: unknown, path: readonly string[]): unknown {
  let at = from;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}

function replaced(at: unknown, text: (one: string) => string, values: ReadonlyMap<string, string>): unknown {
  if (typeof at === "string") return text(at);
  if (typeof at === "number") return values.get(String(at)) ?? at;
  if (Array.isArray(at)) return at.map((one) => replaced(one, text, values));
  if (typeof at !== "object" || at === null) return at;
  return Object.fromEntries(Object.entries(at).map(([name, value]) => [text(name), replaced(value, text, values)]));
}
