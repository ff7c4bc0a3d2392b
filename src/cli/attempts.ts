/** `throughline attempts`: prints how many attempts a component made, stretch by stretch, and how they ended. */

import type { Command } from "commander";
import { attemptsOverTime } from "../composition/attempts-over-time.ts";
import { openObserver } from "../composition/observer.ts";
import { timeText } from "../inspect/text/format.ts";
import { plainTable } from "../inspect/text/plain-table.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { openFor, parsePosition } from "./common.ts";
import { print } from "./output.ts";

interface AttemptsCommandOptions {
  readonly from?: string;
  readonly to?: string;
  readonly every?: number;
  readonly json?: true;
}

const defaultSeconds = 60;
const defaultBackMs = 600_000;

export function defineAttempts(attempts: Command): void {
  attempts
    .argument("<component>", "a component that keeps a settlement log")
    .option("--from <position>", "from a time on, or -5m ago (default: -10m)", parsePosition)
    .option("--to <position>", "up to a time (default: now)", parsePosition)
    .option("--every <seconds>", `length of a stretch (default ${defaultSeconds})`, wholeNumber)
    .action(async (component: string, _options: object, command: Command) => {
      const { from, to, every = defaultSeconds, json } = command.optsWithGlobals<AttemptsCommandOptions>();
      await using observer = openFor(command, openObserver);
      const ms = (position: string): number => Number(position.split("-", 1)[0]);
      const everyMs = every * 1_000;
      // The stretch that now is in is told, too.
      const end = to === undefined ? Date.now() + everyMs : ms(to);
      const counts = await attemptsOverTime(observer, component, {
        from: from === undefined ? end - defaultBackMs : ms(from),
        to: end,
        everyMs,
      });
      if (json === true) return print(JSON.stringify(counts, undefined, 2));
      const heads = ["settled", "retried", "conflicts", "dead", "owner lost"];
      const table = plainTable(["from (UTC)", ...heads], heads);
      for (const { at, settled, retried, conflicts, deadLettered, ownerLost } of counts) {
        table.push([timeText(at), settled, retried, conflicts, deadLettered, ownerLost]);
      }
      await print(table.toString());
    });
}
