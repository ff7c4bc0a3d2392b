/** A Redis whose fsyncs are slow: writes that it acknowledges meanwhile are lost when it is killed. */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ConfigError } from "../../src/index.ts";

/**
 * Until it is disposed of, every server that this process starts has slow fsyncs.
 * @throws {ConfigError} where the shim cannot be compiled
 */
export async function slowFsyncs(): Promise<AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), "throughline-fsync-"));
  const library = join(directory, "slow-fsync.so");
  try {
    await promisify(execFile)("cc", ["-shared", "-fPIC", "-O1", "-o", library, "test/fixtures/slow-fsync.c"]);
  } catch (cause) {
    await rm(directory, { recursive: true });
    throw new ConfigError("--slow-fsync needs a C compiler (Debian's packages gcc and libc6-dev)", { cause });
  }
  process.env["LD_PRELOAD"] = library; // inherited by a server that is started again, too
  return {
    [Symbol.asyncDispose]: async () => {
      delete process.env["LD_PRELOAD"];
      await rm(directory, { recursive: true });
    },
  };
}
