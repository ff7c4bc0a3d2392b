/** Reads files of orders as a stream of orders and skipped lines, each with its line number. */

import { basename, extname } from "node:path";
import { ConfigError } from "throughline";
import { type Line, readLines } from "./lines.ts";
import { lobsterReader, looksLikeLobster } from "./lobster.ts";
import { describeIssues, type LineReader, looksLikeCancel, parseCancel, parseOrder } from "./parse-order.ts";
import type { ClientCancel, ClientOrder } from "./payloads.ts";

export const orderFileFormats = ["ndjson", "lobster"] as const;
export type OrderFileFormat = (typeof orderFileFormats)[number];

export interface OrderFileOptions {
  /** The format. Default: told by the first lines. */
  readonly format?: OrderFileFormat;
  /** The symbol of orders whose lines name none. Default for LOBSTER: the beginning of the file's name. */
  readonly symbol?: string;
  readonly signal?: AbortSignal;
}

/** An order, a cancel, or the reason why the line is none. Blank lines are neither. */
export type OrderLine =
  | { readonly line: number; readonly order: ClientOrder }
  | { readonly line: number; readonly cancel: ClientCancel }
  | { readonly line: number; readonly skipped: string };

const maxLineLength = 65_536;

/** Number of lines that are read to tell the format. */
const sampledLines = 100;

/** Reads the orders. @throws {ConfigError} when the file cannot be read. */
export async function* readOrders(path: string, options: OrderFileOptions = {}): AsyncGenerator<OrderLine> {
  const lines = readLines(path, maxLineLength, options.signal);
  let reader: LineReader | undefined;
  const sampled: Line[] = [];
  try {
    for await (const line of lines) {
      if (reader !== undefined) yield* readLine(line, reader);
      else {
        sampled.push(line);
        const format = options.format ?? formatOf(line.text);
        if (format === undefined && sampled.length < sampledLines) continue;
        reader = readerOf(format ?? formatByName(path), path, options);
        for (const earlier of sampled.splice(0)) yield* readLine(earlier, reader);
      }
    }
  } catch (cause) {
    if (!isFileError(cause)) throw cause;
    throw new ConfigError(`cannot read orders from "${path}": ${cause.message}`, { cause });
  }
  if (sampled.length === 0) return;
  reader = readerOf(formatByName(path), path, options);
  for (const line of sampled) yield* readLine(line, reader);
}

function* readLine({ number, text }: Line, read: LineReader): Generator<OrderLine> {
  if (text === undefined) yield { line: number, skipped: `the line is longer than ${maxLineLength} characters` };
  else if (text.trim() !== "") yield { line: number, ...read(text) };
}

function readerOf(format: OrderFileFormat, path: string, { symbol }: OrderFileOptions): LineReader {
  if (format === "lobster") return lobsterReader(symbol ?? symbolOf(path));
  return (text) => {
    let written: unknown;
    try {
      written = JSON.parse(text);
    } catch {
      return { skipped: "the line is no JSON" };
    }
    const defaults = symbol === undefined ? {} : { symbol };
    if (looksLikeCancel(written)) {
      const cancel = parseCancel(written, defaults);
      return "cancel" in cancel ? cancel : { skipped: describeIssues(cancel.issues) };
    }
    const parsed = parseOrder(written, defaults);
    return "order" in parsed ? parsed : { skipped: describeIssues(parsed.issues) };
  };
}

function formatOf(text: string | undefined): OrderFileFormat | undefined {
  if (text?.trimStart().startsWith("{")) return "ndjson";
  return text !== undefined && looksLikeLobster(text) ? "lobster" : undefined;
}

function formatByName(path: string): OrderFileFormat {
  return extname(path).toLowerCase() === ".csv" ? "lobster" : "ndjson";
}

/** The symbol in the name of a LOBSTER file, SYMBOL_date_… @throws {ConfigError} when the name begins with no symbol */
export function symbolOf(path: string): string {
  const symbol = /^[A-Za-z][A-Za-z0-9]{0,15}(?=[-_.])/.exec(basename(path))?.[0];
  if (symbol === undefined) {
    throw new ConfigError(
      `the name of "${path}" does not begin with a symbol such as "AAPL_": say which symbol its orders are for`,
    );
  }
  return symbol.toUpperCase();
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}
