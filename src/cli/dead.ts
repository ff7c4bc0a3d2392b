/** `throughline dead`: `list` and `show` are here; `redrive` and `purge` are in dead-change.ts. */

import type { Command } from "commander";
import { openOperator } from "../composition/operator.ts";
import { deadLetterJson } from "../inspect/dead-letters/dead-letter.ts";
import { LetterCounter, renderCounts, renderLetter, renderLine } from "../inspect/dead-letters/dead-letter-text.ts";
import { openFor } from "./common.ts";
import { addPurge, addRedrive } from "./dead-change.ts";
import { type DeadOptions, filterOf, lettersOf, noneFound, numberText, withFilters } from "./dead-filters.ts";
import { print, printNow, say, terminalWidth } from "./output.ts";
import { surroundings } from "./surroundings.ts";

export function defineDead(dead: Command): void {
  addList(dead);
  addShow(dead);
  addRedrive(dead);
  addPurge(dead);
}

function addList(dead: Command): void {
  withFilters(dead.command("list").description("dead letters, one a line, oldest first"))
    .option("--count", "how many there are of each kind, in place of each")
    .action(async (ids: string[], _options: object, command: Command) => {
      const options = command.optsWithGlobals<DeadOptions & { count?: true }>();
      await using operator = openFor(command, openOperator);
      const counter = new LetterCounter();
      const width = terminalWidth();
      for await (const letter of lettersOf(operator, options).list(filterOf(ids, options))) {
        counter.add(letter);
        if (options.count === true) continue;
        await print(options.json === true ? JSON.stringify(deadLetterJson(letter)) : renderLine(letter, width));
      }
      if (options.count === true && options.json === true) {
        await print(JSON.stringify({ total: counter.total, counts: counter.counts }, undefined, 2));
      } else if (options.count === true && counter.total > 0) await print(renderCounts(counter.counts));
      // Standard error, so that a script that reads the lines gets lines only.
      say(counter.total === 0 ? noneFound : `${numberText(counter.total)}.`);
      if (counter.total === 0) surroundings().exitCode = 1;
    });
}

function addShow(dead: Command): void {
  withFilters(dead.command("show").description("everything about the dead letters with these ids"), "<ids...>").action(
    async (ids: string[], _options: object, command: Command) => {
      const options = command.optsWithGlobals<DeadOptions>();
      await using operator = openFor(command, openOperator);
      const letters = lettersOf(operator, options);
      let found = 0;
      await letters.rehearse(filterOf(ids, options), (letter, redrive) => {
        const text =
          options.json === true
            ? JSON.stringify({ ...deadLetterJson(letter), redrive }, undefined, 2)
            : renderLetter(letter, redrive);
        found++;
        printNow(text);
      });
      if (found > 0) return;
      say(noneFound);
      surroundings().exitCode = 1;
    },
  );
}
