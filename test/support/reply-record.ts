/** A reply of names and values in turn, as an object. */

export function toRecord(reply: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(reply.flatMap((name, i) => (i % 2 === 0 ? [[String(name), reply[i + 1]]] : [])));
}
