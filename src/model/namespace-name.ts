/** Names of namespaces. */

/** Whether a text can name a namespace: it stands in keys, inside a hash tag. */
export function isNamespace(text: unknown): text is string {
  return typeof text === "string" && /^[a-z0-9][a-z0-9._-]{0,63}$/.test(text);
}
