/** `serveConsole`: the entrance of the console. What needs the optional peers is loaded when it is called. */

import { peerProblem } from "../model/optional-peer.ts";
import { type Console, type ConsoleOptions, resolveConsoleOptions } from "./options.ts";
import { consolePeers } from "./peers.ts";

/**
 * Serves the console of a namespace until it is disposed of. Connects to Redis when a page is open.
 * @throws {ConfigError} on options that cannot be used, on an address that cannot be listened on, and where a peer is missing
 */
export async function serveConsole(options: ConsoleOptions): Promise<Console> {
  const resolved = resolveConsoleOptions(options);
  let serve: typeof import("./server/serve.ts")["serve"];
  try {
    ({ serve } = await import("./server/serve.ts"));
  } catch (error) {
    throw peerProblem(consolePeers, error);
  }
  return serve(resolved);
}
