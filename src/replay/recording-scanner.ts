/** Goes through a recording's bytes: lines, checksums, counts, and what is wrong with them. */

import { createHash, type Hash } from "node:crypto";
import { type ByteLine, LineSplitter } from "./lines.ts";
import { parseHeader, parseLine, type RecordingHeader, type RecordingLine, type Tally } from "./recording-format.ts";

/** An entry or a settlement with the number of its line. */
export type ScannedLine = Exclude<RecordingLine, { readonly kind: "checkpoint" | "end" }> & { readonly line: number };

/** Told of what is wrong. `line` is undefined where it is no single line's fault. */
export interface ScanOutcome {
  /** A line that may be left out; throws where that is not wanted. */
  invalid(line: number | undefined, reason: string, cause?: unknown): void;
  /** The bytes end before the recording does. Throws where that is not wanted. */
  ending(line: number, reason: string, cause?: unknown): void;
  /** Nothing can be read. */
  fatal(line: number | undefined, reason: string, cause?: unknown): never;
}

/** Beyond it no text fits into a string. */
const maxLineBytes = 536_000_000;
const maxHeaderBytes = 1_048_576;

export class RecordingScanner {
  readonly #outcome: ScanOutcome;
  readonly #splitter = new LineSplitter(maxLineBytes);
  /** What was read after the last line feed. */
  #rest: Buffer[] = [];
  readonly #hash: Hash = createHash("sha256");
  #header: RecordingHeader | undefined;
  #entries = 0;
  #settlements = 0;
  #isComplete = false;
  /** Nothing after the first wrong checksum can be right. */
  #isChecked = true;
  #wholeBytes = 0;

  constructor(outcome: ScanOutcome) {
    this.#outcome = outcome;
  }

  /** Undefined until the first line was read. */
  get header(): RecordingHeader | undefined {
    return this.#header;
  }

  get entries(): number {
    return this.#entries;
  }

  get settlements(): number {
    return this.#settlements;
  }

  /** Whether the last line was read, with which a recording says that it is whole. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Bytes up to the end of the last whole line. */
  get wholeBytes(): number {
    return this.#wholeBytes;
  }

  /** Over the bytes of all whole lines; whoever continues the recording goes on with it. */
  get hash(): Hash {
    return this.#hash;
  }

  /** The lines that are whole with this chunk. */
  push(chunk: Buffer): readonly ScannedLine[] {
    const scanned: ScannedLine[] = [];
    const begin = this.#wholeBytes + this.#rest.reduce((sum, { length }) => sum + length, 0);
    // Hashed in large pieces: up to each checkpoint, and to the end of the last whole line.
    let hashedTo = 0;
    let lineBegin = 0;
    const hashLines = (): void => {
      if (lineBegin === 0) return;
      for (const piece of this.#rest.splice(0)) this.#hash.update(piece);
      this.#hash.update(chunk.subarray(hashedTo, lineBegin));
      hashedTo = lineBegin;
    };
    for (const line of this.#splitter.push(chunk)) {
      const one = this.#read(line, hashLines);
      if (one !== undefined) scanned.push(one);
      lineBegin = line.endsAt - begin;
      this.#wholeBytes = line.endsAt;
    }
    hashLines();
    if (lineBegin < chunk.length) this.#rest.push(chunk.subarray(lineBegin));
    if (this.#header === undefined && begin + chunk.length > maxHeaderBytes) this.#outcome.fatal(1, noRecording);
    return scanned;
  }

  /** Tells what is missing at the end. `cutBecause`: the bytes ended too early by themselves. */
  end(cutBecause?: unknown): void {
    const { number, hasRest } = this.#splitter;
    if (this.#header === undefined) this.#outcome.fatal(1, noRecording, cutBecause);
    if (hasRest || (cutBecause !== undefined && !this.#isComplete)) {
      this.#outcome.ending(number + 1, `the file is cut in the middle of this line; ${partial}`, cutBecause);
    } else if (!this.#isComplete) {
      this.#outcome.ending(number, `the recording ends here, without its last line; ${partial}`);
    }
  }

  #read({ number, bytes }: ByteLine, hashLines: () => void): ScannedLine | undefined {
    if (bytes === undefined) {
      this.#outcome.invalid(number, "the line is too long");
      return undefined;
    }
    const text = bytes.toString("utf8");
    if (this.#header === undefined) {
      this.#readHeader(number, text);
      return undefined;
    }
    if (this.#isComplete) {
      this.#outcome.invalid(number, "the recording goes on after its last line");
      return undefined;
    }
    const line = parseLine(text, this.#header);
    if ("malformed" in line) this.#outcome.invalid(number, line.malformed);
    else if (line.kind === "entry") {
      this.#entries++;
      return { ...line, line: number };
    } else if (line.kind === "settlement") {
      this.#settlements++;
      return { ...line, line: number };
    } else {
      hashLines();
      this.#check(number, line.tally);
      this.#isComplete = line.kind === "end";
    }
    return undefined;
  }

  #readHeader(number: number, text: string): void {
    const header = parseHeader(text);
    if ("malformed" in header) {
      this.#outcome.fatal(number, header.malformed);
    }
    this.#header = header;
  }

  #check(number: number, { entries, settlements, sha256 }: Tally): void {
    if (!this.#isChecked) return;
    if (sha256 === this.#hash.copy().digest("hex")) {
      if (entries === this.#entries && settlements === this.#settlements) return;
      this.#outcome.invalid(number, `it counts ${entries} entries, and there are ${this.#entries} before it`);
    } else
      this.#outcome.invalid(
        number,
        "the checksum is not that of the lines before it: they were changed, or some are missing",
      );
    this.#isChecked = false;
  }
}

const noRecording = "this is no recording of Throughline";
const partial =
  "it is partial: the same `record` with --continue goes on with it, and --skip-invalid takes what there is";
