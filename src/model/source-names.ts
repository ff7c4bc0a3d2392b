/** A source's names in the store: its slice, and where its position stands in the slice's state. */

/** The slice of a source. No component has a `/` in its name. */
export function sliceOfSource(name: string): string {
  return `source/${name}`;
}

/** The key of state that holds the position of a source's partition. */
export const positionKey = { store: "position", key: "at" } as const;

/** A position as it is stored. */
export interface SavedPosition {
  readonly position: string;
  /** When it was written, epoch ms on the writer's clock. */
  readonly at: number;
}

export function writePosition({ position, at }: SavedPosition): string {
  return JSON.stringify({ position, at });
}

/** @throws {SyntaxError} on a text that is none of ours */
export function readPosition(json: string): SavedPosition {
  const { position, at } = (JSON.parse(json) ?? {}) as Partial<SavedPosition>;
  if (typeof position !== "string" || typeof at !== "number") throw new SyntaxError(`${json} is no position`);
  return { position, at };
}
