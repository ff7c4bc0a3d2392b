/** Decodes one whole reply of the protocol (RESP2), for the few replies before the client has the socket. */

/** A reply. An error reply is an `Error` that was not thrown. */
export type RespReply = string | number | null | Error | RespReply[];

/** Bytes beyond which a reply is refused: no reply to a handshake is as long. */
const maxBytes = 1_048_576;

/**
 * Decodes the reply at an offset, and returns it with its end; undefined when it is incomplete.
 * @throws {Error} on bytes that are no reply
 */
export function readReply(bytes: Buffer, at: number): { readonly reply: RespReply; readonly end: number } | undefined {
  const lineEnd = bytes.indexOf("\r\n", at);
  if (lineEnd < 0) {
    if (bytes.length - at > maxBytes) throw new Error("what the server says is no reply: is it a Redis?");
    return undefined;
  }
  const line = bytes.toString("utf8", at + 1, lineEnd);
  let end = lineEnd + 2;
  switch (bytes.toString("latin1", at, at + 1)) {
    case "+":
      return { reply: line, end };
    case "-":
      return { reply: new Error(line), end };
    case ":":
      return { reply: Number(line), end };
    case "$": {
      const length = lengthOf(line);
      if (length < 0) return { reply: null, end };
      if (bytes.length < end + length + 2) return undefined;
      return { reply: bytes.toString("utf8", end, end + length), end: end + length + 2 };
    }
    case "*": {
      const length = lengthOf(line);
      if (length < 0) return { reply: null, end };
      const items: RespReply[] = [];
      while (items.length < length) {
        const item = readReply(bytes, end);
        if (item === undefined) return undefined;
        items.push(item.reply);
        end = item.end;
      }
      return { reply: items, end };
    }
    default:
      throw new Error("what the server says is no reply: is it a Redis?");
  }
}

function lengthOf(line: string): number {
  const length = Number(line);
  if (!Number.isInteger(length) || length < -1 || length > maxBytes)
    throw new Error("a reply's length cannot be: is it a Redis?");
  return length;
}
