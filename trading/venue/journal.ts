/**
 * The venue's journal: a file of records, each a line with a checksum and all commands of one write. A record is written only when the one before it is
 * on the disk, so that nothing but the last record can be half there.
 */

import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { ConfigError } from "throughline";
import type { Command } from "./commands.ts";

/** The first record. `id` is another one in every journal: who has read a report of one must not read on in another. */
interface Header {
  readonly journal: 1;
  readonly id: string;
}

export interface OpenedJournal {
  readonly id: string;
  readonly journal: Journal;
  /** Bytes at the end of the file that were half a record, and are gone: what nobody had an acknowledgement of. */
  readonly tornBytes: number;
}

/** Called with the mark of a write whose commands are on the disk. */
export type OnWritten<M> = (mark: M) => void;

/**
 * Opens the journal of a directory, makes it where there is none, and calls `replay` with every command in it.
 * @throws {ConfigError} on a file that is no journal, or one that is damaged before its end
 */
export async function openJournal(
  directory: string,
  replay: (command: Command, id: string) => void,
): Promise<OpenedJournal> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, "journal.ndjson");
  const file = await open(path, "a+");
  try {
    let id: string | undefined;
    let good = 0;
    for await (const { line, end } of linesOf(file)) {
      const record = line === undefined ? undefined : recordOf(line);
      if (record === undefined) {
        const { size } = await file.stat();
        if (end >= size) break;
        throw new ConfigError(
          `the venue's journal ${path} is damaged at byte ${good}, and goes on after that: what the venue has acknowledged is lost there. ` +
            "Give it another directory, or the file from a backup",
        );
      }
      if (id === undefined) id = idOf(record, path);
      else for (const command of record as readonly Command[]) replay(command, id);
      good = end;
    }
    const { size } = await file.stat();
    const tornBytes = size - good;
    if (tornBytes > 0) {
      await file.truncate(good);
      await file.datasync();
    }
    const journal = new Journal(file);
    if (id === undefined) {
      id = randomBytes(6).toString("hex");
      await journal.write(JSON.stringify({ journal: 1, id } satisfies Header));
      const folder = await open(directory, "r");
      await folder.sync().finally(() => folder.close()); // else the file itself may be gone after a power cut
    }
    return { id, journal, tornBytes };
  } catch (error) {
    await file.close();
    throw error;
  }
}

export class Journal {
  readonly #file: FileHandle;
  #pending: string[] = [];
  #writing: Promise<void> | undefined;
  #isClosed = false;
  /** The disk refused a write: what comes after it would be kept without it. */
  #failure: unknown;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  append(command: Command): void {
    this.#pending.push(JSON.stringify(command));
  }

  /**
   * Writes what was appended, and what is appended meanwhile. `seal` is called when the commands of a write are chosen, `written` with its result when
   * they are on the disk. Rejects when the disk refuses: the venue must not go on then.
   */
  flush<M>(seal: () => M, written: OnWritten<M>): Promise<void> {
    this.#writing ??= this.#flush(seal, written).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #flush<M>(seal: () => M, written: OnWritten<M>): Promise<void> {
    // What comes in the same turn of the loop travels together.
    await new Promise<void>((next) => setImmediate(next));
    while (this.#pending.length > 0 && !this.#isClosed) {
      if (this.#failure !== undefined) throw this.#failure;
      const commands = this.#pending;
      this.#pending = [];
      const mark = seal();
      await this.write(`[${commands.join(",")}]`);
      written(mark);
    }
  }

  async write(json: string): Promise<void> {
    try {
      await this.#file.appendFile(lineOf(json));
      await this.#file.datasync();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => undefined);
    this.#isClosed = true;
    await this.#file.close();
  }
}

export function lineOf(json: string): string {
  return `${crc32(json).toString(16).padStart(8, "0")} ${json}\n`;
}

/** The record of a line; undefined where the checksum is another. */
function recordOf(line: Buffer): unknown {
  const json = line.subarray(9);
  if (line.length < 10 || line[8] !== 0x20) return undefined;
  if (line.toString("latin1", 0, 8) !== crc32(json).toString(16).padStart(8, "0")) return undefined;
  return JSON.parse(json.toString("utf8"));
}

function idOf(record: unknown, path: string): string {
  const { journal, id } = (record ?? {}) as Partial<Header>;
  if (journal === 1 && typeof id === "string") return id;
  throw new ConfigError(`${path} is no journal of a venue that this version reads`);
}

interface Line {
  /** Undefined for a last line without its end. */
  readonly line: Buffer | undefined;
  /** The offset behind it. */
  readonly end: number;
}

const chunkBytes = 1 << 20;

async function* linesOf(file: FileHandle): AsyncGenerator<Line> {
  let offset = 0;
  let end = 0;
  let rest: Buffer[] = [];
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, offset);
    if (bytesRead === 0) break;
    offset += bytesRead;
    const chunk = buffer.subarray(0, bytesRead);
    let from = 0;
    for (let newline = chunk.indexOf(10); newline !== -1; newline = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...rest, chunk.subarray(from, newline)]);
      rest = [];
      from = newline + 1;
      end += line.length + 1;
      yield { line, end };
    }
    rest.push(chunk.subarray(from));
  }
  const left = rest.reduce((sum, part) => sum + part.length, 0);
  if (left > 0) yield { line: undefined, end: end + left };
}
