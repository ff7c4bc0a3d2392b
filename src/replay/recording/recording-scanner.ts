/** Scans the bytes of a recording: lines, checksums, counts, and faults. */

import { createHash, type Hash } from "node:crypto";
import { type ByteLine, defaultMaxLineBytes, LineSplitter, tooLong } from "./lines.ts";
import { parseHeader, parseLine, type RecordingHeader, type RecordingLine, type Tally } from "./recording-format.ts";

/** An entry or a settlement with the number of its line. */
export type ScannedLine = Exclude<RecordingLine, { readonly kind: "checkpoint" | "end" }> & { readonly line: number };

/** Receives the faults. `line` is undefined where no single line is at fault. */
export interface ScanOutcome {
  /** Reports a line that may be left out; throws to refuse it. */
  invalid(line: number | undefined, reason: string, cause?: unknown): void;
  /** Reports that the bytes end before the recording does; throws to refuse it. */
  ending(line: number, reason: string, cause?: unknown): void;
  /** Reports that nothing can be read. */
  fatal(line: number | undefined, reason: string, cause?: unknown): never;
}

const maxHeaderBytes = 1_048_576;

/** Takes bytes and gives lines of entries and settlements. */
export class RecordingScanner {
  readonly #outcome: ScanOutcome;
  readonly #maxLineBytes: number;
  readonly #splitter: LineSplitter;
  /** Bytes read after the last line feed; empty where they exceed the limit of a line. */
  #rest: Buffer[] = [];
  #hash: Hash = createHash("sha256");
  /** A hash that also covers the bytes of a line too long to be kept. */
  #hashBeyond: Hash | undefined;
  /** Number of bytes that were read. */
  #offset = 0;
  #header: RecordingHeader | undefined;
  #entries = 0;
  #settlements = 0;
  #isComplete = false;
  /** False after the first wrong checksum: no later one can be right. */
  #isChecked = true;
  #wholeBytes = 0;

  constructor(outcome: ScanOutcome, maxLineBytes: number = defaultMaxLineBytes) {
    this.#outcome = outcome;
    this.#maxLineBytes = maxLineBytes;
    this.#splitter = new LineSplitter(maxLineBytes);
  }

  /** The header; undefined until the first line was read. */
  get header(): RecordingHeader | undefined {
    return this.#header;
  }

  get entries(): number {
    return this.#entries;
  }

  get settlements(): number {
    return this.#settlements;
  }

  /** True where the last line was read, which marks the recording as whole. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Number of bytes up to the end of the last whole line. */
  get wholeBytes(): number {
    return this.#wholeBytes;
  }

  /** The hash over the bytes of all whole lines, from which a continued recording goes on. */
  get hash(): Hash {
    return this.#hash;
  }

  /** Gives the lines that this chunk completes. */
  push(chunk: Buffer): readonly ScannedLine[] {
    const scanned: ScannedLine[] = [];
    const begin = this.#offset;
    this.#offset += chunk.length;
    // The bytes are hashed in large pieces: up to each checkpoint, and to the end of the last whole line.
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

  /** Reports an early end. `cutBecause`: the error by which the bytes themselves ended too early. */
  end(cutBecause?: unknown): void {
    const { number, hasRest } = this.#splitter;
    if (this.#header === undefined) this.#outcome.fatal(1, noRecording, cutBecause);
    if (hasRest || (cutBecause !== undefined && !this.#isComplete)) {
      this.#outcome.ending(number + 1, `the file is cut in the middle of this line; ${partial}`, cutBecause);
    } else if (!this.#isComplete) {
      this.#outcome.ending(number, `the recording ends here, without its last line; ${partial}`);
    }
  }

  /** Keeps bytes of an unfinished line; of a line that is too long, only the hash is kept. */
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
