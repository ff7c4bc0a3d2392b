/**
 * Compressed files that can be cut: each write is a gzip member or a zstd frame of its own, so that a file that ends too early is intact up
 * to the end of the last whole one. Every gunzip or zstd program reads such files.
 */

import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
// As a whole: a Node too old for zstd could not even be told so if it had to link what it lacks.
import * as zlib from "node:zlib";

/** The format of a file. */
export type Compression = "none" | "gzip" | "zstd";

/** The compression that a file's name asks for. */
export function compressionOf(path: string): Compression {
  if (path.endsWith(".gz")) return "gzip";
  return path.endsWith(".zst") ? "zstd" : "none";
}

/** Detects the compression of a file by its first bytes, whatever its name. An empty file is not compressed. */
export async function sniffCompression(file: FileHandle): Promise<Compression> {
  const head = await bytesAt(file, 0, 4);
  if (head.length >= 2 && head.readUInt16BE(0) === gzipMagic) return "gzip";
  return head.length === 4 && head.readUInt32LE(0) === zstdMagic ? "zstd" : "none";
}

/** Compresses bytes into one member or frame; gives the bytes themselves for `none`. */
export async function compressed(bytes: Buffer, compression: Compression): Promise<Buffer> {
  if (compression === "zstd") return zstd(bytes);
  if (compression === "gzip") return gzipMember(bytes);
  return bytes;
}

/** Number of bytes in whole members or frames; undefined where another program wrote the file, so that only reading all of it would tell. */
export async function wholeBytes(file: FileHandle, compression: "gzip" | "zstd"): Promise<number | undefined> {
  const { size } = await file.stat();
  let at = 0;
  while (at < size) {
    const length = compression === "gzip" ? await gzipMemberBytes(file, at) : await zstdFrameBytes(file, at);
    if (length === "foreign") return undefined;
    if (length === "cut" || at + length > size) return at;
    at += length;
  }
  return at;
}

/** A compressed file that ends too early, found while it is read. */
export class CutError extends Error {}

/**
 * Reads the uncompressed bytes, of the whole file or of its first `end` bytes.
 * @throws {CutError} after all readable bytes @throws {Error} on bytes that cannot be uncompressed
 */
export async function* readBytes(
  path: string,
  file: FileHandle,
  end?: number,
): AsyncGenerator<Buffer, void, undefined> {
  const compression = await sniffCompression(file);
  const size = end ?? (await file.stat()).size;
  if (size === 0) return;
  if (compression === "zstd") yield* unzstd(path, file, size);
  else {
    const source = createReadStream(path, { highWaterMark, ...(end === undefined ? {} : { end: end - 1 }) });
    if (compression === "none") yield* source as AsyncIterable<Buffer>;
    else yield* uncompressed(source, zlib.createGunzip({ chunkSize }));
  }
}

const highWaterMark = 262_144;
const chunkSize = 262_144;
/** Largest zstd window, 2^25 bytes (32 MiB), which a decoder keeps in memory: four times that of `zstd -19`; Throughline writes 2 MiB. */
const maxWindowLog = 25;

// Node's stream may end at the end of a frame (24.21), so each frame gets a stream of its own.
async function* unzstd(path: string, file: FileHandle, size: number): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < size; ) {
    const length = await zstdFrameBytes(file, at);
    if (length === "foreign") throw new Error("something stands in it that is no zstd frame");
    const end = length === "cut" ? size : Math.min(size, at + length);
    const source = createReadStream(path, { highWaterMark, start: at, end: end - 1 });
    yield* uncompressed(
      source,
      zlib.createZstdDecompress({ chunkSize, params: { [zlib.constants.ZSTD_d_windowLogMax]: maxWindowLog } }),
    );
    if (length === "cut" || at + length > size) throw new CutError("the last frame is not whole");
    at = end;
  }
}

async function* uncompressed(
  source: NodeJS.ReadableStream,
  decoder: NodeJS.ReadWriteStream,
): AsyncGenerator<Buffer, void, undefined> {
  const piped = pipeline(source, decoder);
  piped.catch(() => undefined); // the loop below rethrows the error
  try {
    yield* decoder as AsyncIterable<unknown> as AsyncIterable<Buffer>;
  } catch (error) {
    if (isCut(error)) throw new CutError("the compressed file ends too early", { cause: error });
    if (!isTooWide(error)) throw error;
    const most = `a frame's window may take ${2 ** maxWindowLog} bytes, the limit`;
    throw new Error(`${most}, and one takes more: compress it again without --long or --ultra`, { cause: error });
  }
}

function isTooWide(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ZSTD_error_frameParameter_windowTooLarge";
}

function isCut(error: unknown): boolean {
  return error instanceof Error && /unexpected end of file/.test(error.message);
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

// ---------------------------------------------------------------------------------------------------- gzip

const gzipMagic = 0x1f8b;
const deflate = promisify(zlib.deflateRaw);
/** The length of a header with an extra field: subfield "TL" holds the length of the whole member, 4 bytes. @see RFC 1952, 2.3.1.1 */
const gzipHeaderBytes = 20;
const gzipTailBytes = 8;

async function gzipMember(bytes: Buffer): Promise<Buffer> {
  const body = await deflate(bytes);
  const member = Buffer.allocUnsafe(gzipHeaderBytes + body.length + gzipTailBytes);
  member.set([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x54, 0x4c, 4, 0]);
  member.writeUInt32LE(member.length, 16);
  body.copy(member, gzipHeaderBytes);
  member.writeUInt32LE(zlib.crc32(bytes), member.length - 8);
  member.writeUInt32LE(bytes.length % 2 ** 32, member.length - 4);
  return member;
}

async function gzipMemberBytes(file: FileHandle, at: number): Promise<number | "cut" | "foreign"> {
  const header = await bytesAt(file, at, gzipHeaderBytes);
  if (header.length < gzipHeaderBytes) return "cut";
  if (header.readUInt16BE(0) !== gzipMagic || header[3] !== 4 || header.toString("latin1", 12, 14) !== "TL")
    return "foreign";
  return header.readUInt32LE(16);
}

// ---------------------------------------------------------------------------------------------------- zstd

const zstdMagic = 0xfd2fb528;
const zstdAsync = promisify(zlib.zstdCompress);

function zstd(bytes: Buffer): Promise<Buffer> {
  return zstdAsync(bytes, { params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } });
}

/** Finds a frame's length from its block headers. @see RFC 8878, 3.1.1 */
async function zstdFrameBytes(file: FileHandle, at: number): Promise<number | "cut" | "foreign"> {
  const head = await bytesAt(file, at, 5);
  if (head.length < 5) return "cut";
  if (head.readUInt32LE(0) !== zstdMagic) return "foreign";
  const descriptor = head[4] as number;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** sizeFlag;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  let length = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (let isLast = false; !isLast; ) {
    const block = await bytesAt(file, at + length, 3);
    if (block.length < 3) return "cut";
    const header = block.readUIntLE(0, 3);
    isLast = (header & 1) === 1;
    const isRepeated = ((header >> 1) & 3) === 1;
    length += 3 + (isRepeated ? 1 : header >> 3);
  }
  return length + ((descriptor & 4) !== 0 ? 4 : 0);
}
