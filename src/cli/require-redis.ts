/** The look that a command takes at its server before it opens what would wait for it without an end. */

import type { Command } from "commander";
import { openInspector } from "../composition/observer.ts";
import { openFor } from "./common.ts";

/** Only the server is asked, whatever the namespace. @throws {StoreError} with the system's reason, where no Redis answers within seconds */
export async function requireRedis(command: Command): Promise<void> {
  await using inspector = openFor(command, openInspector, "any");
  await inspector.now();
}
