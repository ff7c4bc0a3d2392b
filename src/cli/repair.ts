/** `throughline repair`: repairs channels that a publisher has spoiled. */

import type { Command } from "commander";
import { openOwner } from "../composition/owner.ts";
import { type CommonOptions, openFor } from "./common.ts";
import { print } from "./output.ts";

export function defineRepair(repair: Command): void {
  repair
    .argument("<channels...>", "as status names them")
    .action(async (channels: string[], _options: object, command: Command) => {
      const { json } = command.optsWithGlobals<CommonOptions>();
      await using owner = openFor(command, openOwner);
      for (const channel of channels) {
        for (const repaired of await owner.repair(channel)) {
          const { partition, renumbered, accepted, lastEntryId } = repaired;
          const text =
            `${channel} ${partition}: ${renumbered} entries were ahead of the clock and have new ids; ` +
            `${accepted} entries that others had removed are noted; the last id is ${lastEntryId}.`;
          await print(json === true ? JSON.stringify(repaired) : text);
        }
      }
    });
}
