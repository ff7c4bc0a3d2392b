/** A value of a component's state as it lies in its hash: JSON. Before format 2 a version stood before it, which no JSON begins with. */

const version = /^[\w-]+\.[0-9a-z]+ /;

/** The JSON of a value. */
export function stateJson(value: string): string;
export function stateJson(value: string | undefined): string | undefined;
export function stateJson(value: string | undefined): string | undefined {
  return value?.replace(version, "");
}
