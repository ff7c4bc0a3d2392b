/** `npm run throughline`: the `throughline` command with trading's plug-in. */

import { runCommandLine } from "throughline/cli";

await runCommandLine({ namespace: "trading", load: async () => (await import("./plug-in.ts")).extension });
