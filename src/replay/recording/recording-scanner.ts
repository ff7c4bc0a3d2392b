/** Goes through a recording's bytes: lines, checksums, counts, and what is wrong with them. */

import { createHash, type Hash } from "node:crypto";
import { type ByteLine, defaultMaxLineBytes, LineSplitter, tooLong } from "./lines.ts";
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

const maxHeaderBytes = 1_048_576;

export class RecordingScanner {
  readonly #outcome: ScanOutcome;
  readonly #maxLineBytes: number;
  readonly #splitter: LineSplitter;
  /** What was read after the last line feed; empty where that is too long for a line. */
  #rest: Buffer[] = [];
  #hash: Hash = createHash("sha256");
  /** Over that as well, while it is too long to be kept. */
  #hashBeyond: Hash | undefined;
  /** Bytes that were read. */
  #offset = 0;
  #header: RecordingHeader | undefined;
  #entries = 0;
  #settlements = 0;
  #isComplete = false;
  /** Nothing after the first wrong checksum can be right. */
  #isChecked = true;
  #wholeBytes = 0;

  constructor(outcome: ScanOutcome, maxLineBytes: number = defaultMaxLineBytes) {
    this.#outcome = outcome;
    this.#maxLineBytes = maxLineBytes;
    this.#splitter = new LineSplitter(maxLineBytes);
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
    const begin = this.#offset;
    this.#offset += chunk.length;
    // Hashed in large pieces: up to each checkpoint, and to the end of the last whole line.
    let hashedTo = 0;
    let lineBegin = 0;
    const hashLines = (): void => {
      if (lineBegin === 0) return;
      this.#hash = this.#hashBeyond ?? this.#hash;
      this.#hashBeyond = undefined;
      for (const piece of this.#rest.splice(0)) this.#hash.update(piece);
      this.#hash.update(chunk.subarray(hashedTo, lineBegin));
      hashedTo = lineBegin;
    };
    for (const line of this.#splitter.push(chunk)) {
      const one = this.#read(line, hashLines);
      if (one !== undefined) scanned.push(one);
      if (line.endsAt === undefined) continue;
      lineBegin = line.endsAt - begin;
      this.#wholeBytes = line.endsAt;
    }
    hashLines();
    if (lineBegin < chunk.length) this.#keep(chunk.subarray(lineBegin));
    if (this.#header === undefined && this.#offset > maxHeaderBytes) this.#outcome.fatal(1, noRecording);
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

  /** A line that is too long counts for the checksums, and no more of it is kept than these need. */
  #keep(bytes: Buffer): void {
    this.#rest.push(bytes);
    if (!this.#splitter.isTooLong) return;
    this.#hashBeyond ??= this.#hash.copy();
    for (const piece of this.#rest.splice(0)) this.#hashBeyond.update(piece);
  }

  #read({ number, bytes, endsAt }: ByteLine, hashLines: () => void): ScannedLine | undefined {
    if (bytes === undefined) {
      if (endsAt === undefined) this.#outcome.invalid(number, tooLong(this.#maxLineBytes));
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
