/** Text that somebody else wrote, made safe to show: the one place that knows which characters are written as escapes. */

/**
 * Control characters (C0, DEL, C1), which steer terminals; format characters, among them those that reverse the direction of text or
 * are not seen at all; line and paragraph separators; halves of surrogate pairs.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const unsafeInLines = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** On one line: every unsafe character as the escape that JSON has for it, such as `\u001b`. What is escaped already stays as it is. */
export function escaped(text: string): string {
  return text.replace(unsafe, escapeOf);
}

/**
 * The same for text that we have put together from lines, whose line feeds stay. Of JSON this gives JSON of the same value: what
 * is escaped stands within its strings.
 */
export function escapedLines(text: string): string {
  return text.replace(unsafeInLines, escapeOf);
}

/** On one line and at most so long. */
export function shown(text: string, maxLength: number): string {
  // Cut first: it may be a mebibyte, of which a line is wanted.
  const safe = escaped(text.length > maxLength ? whole(text, maxLength + 1) : text);
  return safe.length > maxLength ? `${whole(safe, Math.max(0, maxLength - 1))}…` : safe;
}

/** A message of a program's options as one line: what it was called with stands in it. */
export function usageLine(text: string): string {
  return `${escaped(text.trim().replaceAll("\n", " "))}\n`;
}

/** An error for people: one of ours is a sentence, any other a stack whose lines stay. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return escaped(String(error));
  return stackText(error.stack ?? String(error), error.message);
}

/** A stack, whose lines stay; the message that it begins with is on one of them. */
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

/** The first so many characters, without half of a surrogate pair at the end. */
function whole(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff && length < text.length;
  return text.slice(0, isHalf ? length - 1 : length);
}
