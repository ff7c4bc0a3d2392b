/** The rules for names that become parts of Redis keys. */

/** Tells whether a text can name a namespace: the name becomes part of each Redis key, inside a hash tag. */
export function isNamespace(text: unknown): text is string {
  return typeof text === "string" && /^[a-z0-9][a-z0-9._-]{0,63}$/.test(text);
}

/** Tells whether a text can name a channel, a component or a state store. */
export function isName(text: unknown): text is string {
  return typeof text === "string" && /^[a-z][a-z0-9._-]{0,127}$/.test(text);
}
