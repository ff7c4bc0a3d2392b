/** The page's files: built into the package, or in a checkout bundled when the server starts. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** A file as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzip: Buffer;
  readonly brotli: Buffer;
}

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

let loaded: Promise<ReadonlyMap<string, PageFile>> | undefined;

/** Gives the files by name. They are read and compressed once a process. */
export function loadPage(): Promise<ReadonlyMap<string, PageFile>> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<ReadonlyMap<string, PageFile>> {
  const built = new URL("../page/", import.meta.url);
  const files = existsSync(built)
    ? readdirSync(built).map((name) => [name, readFileSync(new URL(name, built))] as const)
    : await (await import("../bundle.ts")).bundlePage();
  return new Map(files.map(([name, bytes]) => [name, fileOf(name, bytes)]));
}

function fileOf(name: string, bytes: Buffer): PageFile {
  const type = types[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
  return { type, bytes, gzip: gzipSync(bytes), brotli: brotliCompressSync(bytes, quality) };
}
