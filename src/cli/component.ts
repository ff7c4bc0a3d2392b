/** `throughline component retire`: says what nobody will handle, asks, removes, reports. */

import type { Command } from "commander";
import { openOwner } from "../composition/owner.ts";
import { shown } from "../model/safe-text.ts";
import type { RetiredGroup, Retirement } from "../retention/retirement.ts";
import { openFor } from "./common.ts";
import { isConfirmed } from "./confirm.ts";
import { print, say } from "./output.ts";
import { surroundings } from "./surroundings.ts";

interface RetireCommandOptions {
  readonly channel?: string;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
}

export function defineComponent(component: Command): void {
  component
    .command("retire")
    .description("removes the groups of a component that will not come back, so that retention holds nothing for it")
    .argument("<name>", "the component; its state, settlement log and dead letters stay")
    .option("--channel <name>", "only its group on this channel, to which it does not subscribe any more")
    .option("--dry-run", "say what would be removed, and do nothing")
    .option("-y, --yes", "do not ask")
    .action(async (name: string, _options: object, self: Command) => {
      const { channel, dryRun = false, yes, json } = self.optsWithGlobals<RetireCommandOptions>();
      await using owner = openFor(self, openOwner);
      const of = channel === undefined ? {} : { channel };
      const planned = await owner.retire(name, { ...of, dryRun: true });
      if (!dryRun && yes !== true && !(await isConfirmed(self, deedOf(planned), linesOf(planned).join("\n")))) {
        say("Nothing was done.");
        surroundings().exitCode = 1;
        return;
      }
      const retirement = dryRun ? planned : await owner.retire(name, of);
      if (json === true) await print(JSON.stringify({ action: "retire", dryRun, ...retirement }, undefined, 2));
      else for (const line of [...linesOf(retirement), sumOf(retirement, dryRun)]) await print(line);
    });
}

function deedOf({ component, channel }: Retirement): string {
  const where = channel === null ? "" : ` on channel "${shown(channel, 80)}"`;
  return `retire component "${shown(component, 80)}"${where}`;
}

function linesOf({ groups }: Retirement): readonly string[] {
  return groups.map((group) => `${placeOf(group)}: ${countsOf(group)}`);
}

function placeOf({ channel, partition }: RetiredGroup): string {
  const name = shown(channel, 80);
  return partition === 0 ? name : `${name}, partition ${partition}`;
}

function countsOf({ unread, unreadExact, open }: RetiredGroup): string {
  if (unread + open === 0) return "nothing unfinished";
  return `${unreadExact ? "" : "over "}${unread} unread, ${open} open; nobody will handle them`;
}

function sumOf({ groups }: Retirement, dryRun: boolean): string {
  const count = groups.length === 1 ? "1 group" : `${groups.length} groups`;
  return `${count} ${dryRun ? "would be " : ""}removed.`;
}
