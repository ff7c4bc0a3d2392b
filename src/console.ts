/// <reference lib="esnext.disposable" preserve="true" />
/** `throughline/console`: the console of a namespace, a page in a browser with its server. */

import "./model/require-node.ts";

export { serveConsole } from "./console/console.ts";
export type { Console, ConsoleOptions } from "./console/options.ts";
