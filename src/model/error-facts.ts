/** An error as spans and the settlement log name it: its type, and its text within bounds. */

const maxTextLength = 1_024;

/** The value of `error.type`: a stable code where the error has one, else its class. */
export function errorTypeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "_OTHER";
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (typeof code === "string" && code !== "") return bounded(code);
  return typeof name === "string" && name !== "" ? bounded(name) : "_OTHER";
}

/** The error as a span records it, bounded in length. */
export function exceptionOf(error: unknown): { name: string; message: string; stack?: string } {
  if (!(error instanceof Error)) return { name: "_OTHER", message: bounded(textOf(error)) };
  const exception = { name: errorTypeOf(error), message: bounded(String(error.message)) };
  return typeof error.stack === "string" ? { ...exception, stack: error.stack.slice(0, 4 * maxTextLength) } : exception;
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return typeof value;
  }
}

/** The text, cut where it is long. */
export function bounded(text: string): string {
  return text.length > maxTextLength ? text.slice(0, maxTextLength) : text;
}
