/** `throughline status`: prints the state of a namespace: channels, groups, members. */

import { setInterval } from "node:timers/promises";
import type { Command } from "commander";
import { openObserver } from "../composition/observer.ts";
import { renderStatus } from "../inspect/status/status-text.ts";
import { openFor } from "./common.ts";
import { print } from "./output.ts";
import { surroundings } from "./surroundings.ts";

const watchIntervalMs = 2_000;
const clearScreen = "\u001b[H\u001b[2J\u001b[3J";

export function defineStatus(status: Command): void {
  status
    .option("--watch", "look again every two seconds until Ctrl-C")
    .action(async (_options: object, command: Command) => {
      const { json, watch } = command.optsWithGlobals<{ json?: true; watch?: true }>();
      await using observer = openFor(command, openObserver);
      if (watch !== true) {
        const status = await observer.status();
        await print(json === true ? JSON.stringify(status, undefined, 2) : renderStatus(status));
        return;
      }
      const signal = surroundings().stopSignal();
      const look = async (): Promise<void> => {
        const status = await observer.status();
        if (json !== true) surroundings().stdout.write(clearScreen);
        await print(json === true ? JSON.stringify(status) : renderStatus(status));
      };
      await look();
      try {
        for await (const _ of setInterval(watchIntervalMs, undefined, { signal })) await look();
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    });
}
