/** The disk of Redis is full under load: everything is refused and reported, and nothing is acknowledged without its output. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { startPrivateRedis } from "../../src/local-redis/private-server.ts";
import { eventually } from "../support/eventually.ts";
import { startLoad } from "../support/load.ts";
import { skip, test } from "../support/test.ts";

const run = promisify(execFile);

/** A file system of 8 MB in memory. Skips the test where none can be mounted. */
async function mountSmall(): Promise<AsyncDisposable & { readonly directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), "throughline-disk-"));
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=8m,mode=0700", "throughline-test", directory]);
  } catch (error) {
    await rm(directory, { recursive: true });
    skip(`no small disk can be mounted here: ${String((error as { stderr?: string }).stderr ?? error).trim()}`);
  }
  return {
    directory,
    [Symbol.asyncDispose]: async () => {
      await run("umount", [directory]);
      await rm(directory, { recursive: true });
    },
  };
}

test(
  "refuses, says so, and loses nothing while the disk is full",
  async () => {
    await using disk = await mountSmall();
    await using redis = await startPrivateRedis({ directory: disk.directory });
    await using load = await startLoad({ url: redis.url, order: "handling" });
    const filler = join(disk.directory, "filler");
    const { rejected } = load;
    await writeFile(filler, Buffer.alloc(8 * 1_048_576)).catch((error: NodeJS.ErrnoException) => {
      assert.is(error.code, "ENOSPC");
    });
    await eventually(() => load.rejected > rejected, 20_000);
    await eventually(() =>
      load.log.some(({ level, fields }) => level === "error" && /MISCONF/.test(String(fields["reason"]))),
    );
    await rm(filler);
    await load.goOn(100);
    // Refused entries are absent and present ones are on disk: the restarted server has the same log.
    await redis.kill("SIGKILL");
    await redis.restart();
    await load.goOn(100);
    await load.finishClean();
  },
  { timeoutMs: 60_000 },
);
