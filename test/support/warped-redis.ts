/** A private Redis whose wall clock can be set. */

import { execFile } from "node:child_process";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type PrivateRedis, startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { skip } from "./test.ts";

export interface WarpedRedis extends AsyncDisposable {
  readonly redis: PrivateRedis;
  /** Sets the server's clock so many seconds off; below zero it goes back. */
  shift(seconds: number): Promise<void>;
}

/** Skips the running test where the shim cannot be compiled. */
export async function startWarpedRedis(): Promise<WarpedRedis> {
  const directory = await mkdtemp(join(tmpdir(), "throughline-clock-"));
  const [library, offset] = [join(directory, "clock.so"), join(directory, "offset")];
  try {
    await promisify(execFile)("cc", ["-shared", "-fPIC", "-O1", "-o", library, "test/fixtures/clock.c"]);
  } catch (error) {
    await rm(directory, { recursive: true });
    skip(`a clock can only be set back with a C compiler (Debian's packages gcc and libc6-dev): ${String(error)}`);
  }
  await writeFile(offset, Buffer.alloc(4));
  // Inherited by the server that is started, and by nothing after it.
  const warped = { LD_PRELOAD: library, CLOCK_OFFSET_FILE: offset };
  Object.assign(process.env, warped);
  let redis: PrivateRedis;
  try {
    redis = await startPrivateRedis();
  } finally {
    for (const name of Object.keys(warped)) delete process.env[name];
  }
  return {
    redis,
    shift: async (seconds) => {
      // Written in place: the server has the file mapped.
      const number = Buffer.alloc(4);
      new Int32Array(number.buffer, number.byteOffset, 1)[0] = seconds;
      await using file = await open(offset, "r+");
      await file.write(number, 0, 4, 0);
    },
    [Symbol.asyncDispose]: async () => {
      await redis[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}
