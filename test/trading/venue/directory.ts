/** A directory for a venue's journal, which is gone after the test. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Directory extends AsyncDisposable {
  readonly path: string;
  /** The journal's own file. */
  readonly journal: string;
}

export async function venueDirectory(): Promise<Directory> {
  const path = await mkdtemp(join(tmpdir(), "throughline-venue-"));
  return {
    path,
    journal: join(path, "journal.ndjson"),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
