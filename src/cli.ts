/// <reference lib="esnext.disposable" preserve="true" />
/** `throughline/cli`: the command line with an application's own components, channels and file formats. */

import "./model/require-node.ts";

export { runCommandLine } from "./cli/command-line.ts";
export { endUnforeseen, endWhenDone, print, say, terminalWidth } from "./cli/output.ts";
export type { Extension, LineFormat, PlugIn, ReplayableComponent, Settings } from "./cli/plug-in.ts";
export { escaped, usageLine } from "./model/safe-text.ts";
