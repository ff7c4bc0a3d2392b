/** Makes text from outside safe to show: the only file that knows which characters are written as escapes. */

/**
 * Control characters (C0, DEL, C1), which steer terminals; format characters, some of which reverse the direction of text or are
 * invisible; line and paragraph separators; halves of surrogate pairs.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const unsafeInLines = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Writes text on one line: every unsafe character becomes its JSON escape, such as `\u001b`. Escapes in the text stay as they are. */
export function escaped(text: string): string {
  return text.replace(unsafe, escapeOf);
}

/**
 * Escapes as `escaped` does, but keeps line feeds: for text that Throughline put together from lines. Escaped JSON has the same value
 * as before, because its unsafe characters are all inside strings.
 */
export function escapedLines(text: string): string {
  return text.replace(unsafeInLines, escapeOf);
}

/** Writes text on one line of at most `maxLength` characters. */
export function shown(text: string, maxLength: number): string {
  // The text is cut first: it may be a mebibyte long.
  const safe = escaped(text.length > maxLength ? whole(text, maxLength + 1) : text);
  return safe.length > maxLength ? `${whole(safe, Math.max(0, maxLength - 1))}…` : safe;
}

/** Writes an error of option parsing on one line; it contains text from the command line. */
export function usageLine(text: string): string {
  return `${escaped(text.trim().replaceAll("\n", " "))}\n`;
}

/** Writes an error for people: its stack, which keeps its line feeds; any other value as text on one line. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return escaped(String(error));
  return stackText(error.stack ?? String(error), error.message);
}

/** Writes a stack with its line feeds; the error's own text, with which the stack begins, goes on one line. */
export function stackText(stack: string, message: string): string {
  return escapedLines(message === "" ? stack : stack.replace(message, () => escaped(message)));
}

function escapeOf(character: string): string {
  const known = short[character];
  if (known !== undefined) return known;
  let text = "";
  for (let i = 0; i < character.length; i++) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return text;
}

/** The first `length` characters, without half of a surrogate pair at the end. */
function whole(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff && length < text.length;
  return text.slice(0, isHalf ? length - 1 : length);
}
