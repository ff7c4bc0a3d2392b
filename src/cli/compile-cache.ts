/** Keeps what Node has compiled for the next start of the command: loading is most of what a short command takes. */

// Not by its name: a Node that is too old lacks it, and shall say that it is too old.
import * as nodeModule from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

/** In the user's own folder: whoever may write there decides what runs. Without one, or where it cannot be written, nothing is kept. */
export function keepCompiled(): void {
  try {
    const caches = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
    nodeModule.enableCompileCache?.(join(caches, "throughline"));
  } catch {
    // The user has no home.
  }
}
