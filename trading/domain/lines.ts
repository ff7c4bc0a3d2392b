/** Reads the lines of a file as a stream: numbered, bounded in length, in flat memory however large the file is. */

import { createReadStream } from "node:fs";

/** A line; `text` is undefined where it is longer than allowed. */
export interface Line {
  readonly number: number;
  readonly text: string | undefined;
}

/** Reads the lines. They end with LF or CRLF; the last one may end with the file. A byte order mark is dropped. */
export async function* readLines(path: string, maxLineLength: number, signal?: AbortSignal): AsyncGenerator<Line> {
  let number = 0;
  let rest = "";
  let tooLong = false;
  const line = (text: string): Line => {
    number++;
    const dropped = tooLong || text.length > maxLineLength;
    tooLong = false;
    const begins = number === 1 && text.startsWith("\uFEFF") ? 1 : 0;
    return { number, text: dropped ? undefined : text.slice(begins, text.endsWith("\r") ? -1 : undefined) };
  };
  const chunks = createReadStream(path, { encoding: "utf8", ...(signal && { signal }) }) as AsyncIterable<string>;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf("\n"); end !== -1; end = chunk.indexOf("\n", from)) {
      yield line(rest + chunk.slice(from, end));
      rest = "";
      from = end + 1;
    }
    rest += chunk.slice(from);
    if (rest.length > maxLineLength) {
      tooLong = true;
      rest = "";
    }
  }
  if (rest !== "" || tooLong) yield line(rest);
}
