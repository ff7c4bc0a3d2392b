/** `npm start`: keeps compiled code for the next run, of this process and of the venue's, and runs the command. */

import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// Types are stripped and code is compiled once, and not at every start. Where it cannot be kept, nothing else changes.
const directory = fileURLToPath(new URL("../../node_modules/.cache/compiled", import.meta.url));
enableCompileCache(directory);
process.env["NODE_COMPILE_CACHE"] ??= directory; // for the venue
await import("./command.ts");
