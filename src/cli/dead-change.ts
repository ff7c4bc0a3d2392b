/** `throughline dead redrive` and `throughline dead purge`: count, ask, do, report. */

import type { Command } from "commander";
import { openOperator } from "../composition/operator.ts";
import { LetterCounter, outcomeText, renderCounts } from "../inspect/dead-letters/dead-letter-text.ts";
import type { DeadLetters, OnOutcome } from "../inspect/dead-letters/dead-letters.ts";
import type { DeadLetterFilter } from "../inspect/dead-letters/filter.ts";
import { eventIdOf } from "../inspect/entries/entry-json.ts";
import { usageExitCode } from "../service/exit-code.ts";
import { openFor } from "./common.ts";
import { isConfirmed } from "./confirm.ts";
import { type DeadOptions, filterOf, lettersOf, noneFound, numberText, withFilters } from "./dead-filters.ts";
import { print, say } from "./output.ts";
import { surroundings } from "./surroundings.ts";

interface ChangeOptions extends DeadOptions {
  readonly all?: true;
  readonly dryRun?: true;
  readonly yes?: true;
}

type Outcome = keyof typeof outcomeText;
type Report = Readonly<Partial<Record<Outcome, number>>>;

interface Change {
  readonly name: "redrive" | "purge";
  readonly act: (letters: DeadLetters, filter: DeadLetterFilter, on: OnOutcome<Outcome>) => Promise<Report>;
  /** Reports the outcomes that `act` would have, and changes nothing. */
  readonly rehearse: (letters: DeadLetters, filter: DeadLetterFilter, on: OnOutcome<Outcome>) => Promise<Report>;
}

/** Most letters named among those that were left; the counts cover all. */
const maxNamed = 100;

export function addRedrive(dead: Command): void {
  const command = dead
    .command("redrive")
    .description("hands events back to the component that gave them up, and to no other, as a first attempt");
  addChange(withFilters(command), {
    name: "redrive",
    act: (letters, filter, on) => letters.redrive(filter, on),
    rehearse: (letters, filter, on) => letters.rehearse(filter, on),
  });
}

export function addPurge(dead: Command): void {
  addChange(withFilters(dead.command("purge").description("removes dead letters for good")), {
    name: "purge",
    act: (letters, filter, on) => letters.purge(filter, on),
    rehearse: async (letters, filter) => {
      let purged = 0;
      for await (const _ of letters.list(filter)) purged++;
      return { purged };
    },
  });
}

function addChange(command: Command, change: Change): void {
  command
    .option("--all", "all dead letters of the namespace, where nothing else says which")
    .option("--dry-run", "say what would be done, and do nothing")
    .option("-y, --yes", "do not ask, also where it is many")
    .action(async (ids: string[], _options: object, self: Command) => {
      const options = self.optsWithGlobals<ChangeOptions>();
      const filter = filterOf(ids, options);
      const isNarrowed =
        Object.keys(filter).length > 0 || options.channel !== undefined || options.component !== undefined;
      if (!isNarrowed && options.all !== true) {
        self.error(`error: say which dead letters to ${change.name}: ids, a filter, or --all`, {
          exitCode: usageExitCode,
        });
      }
      await using operator = openFor(self, openOperator);
      await run(self, change, lettersOf(operator, options), filter, options);
    });
}

async function run(
  command: Command,
  change: Change,
  letters: DeadLetters,
  filter: DeadLetterFilter,
  options: ChangeOptions,
): Promise<void> {
  const { yes, json } = options;
  const dryRun = options.dryRun === true;
  const counter = new LetterCounter();
  for await (const letter of letters.list(filter)) counter.add(letter);
  if (counter.total === 0) {
    if (json === true) await print(JSON.stringify({ action: change.name, dryRun, matched: 0, outcomes: {}, left: [] }));
    say(noneFound);
    surroundings().exitCode = 1;
    return;
  }
  if (
    !dryRun &&
    counter.total > 1 &&
    yes !== true &&
    !(await isConfirmed(command, `${change.name} ${numberText(counter.total)}`, renderCounts(counter.counts)))
  ) {
    say("Nothing was done.");
    surroundings().exitCode = 1;
    return;
  }
  const left: object[] = [];
  // A letter that arrives during the question was not part of it, and stays.
  const report = await (dryRun ? change.rehearse : change.act)(
    letters,
    { ...filter, to: counter.lastId },
    ({ id, channel, component, partition, entryId, entry }, outcome) => {
      if (outcome === "redriven" || outcome === "purged" || left.length >= maxNamed) return;
      left.push({ id, channel, component, partition, entryId, eventId: eventIdOf(entry), outcome });
    },
  );
  const outcomes = Object.fromEntries(Object.entries(report).filter(([, count]) => count > 0)) as Report;
  if (json === true) {
    const result = { action: change.name, dryRun, matched: counter.total, outcomes, left };
    await print(JSON.stringify(result, undefined, 2));
  } else {
    const would = dryRun ? "would be " : "";
    for (const [outcome, count] of Object.entries(outcomes) as [Outcome, number][]) {
      const text = outcomeText[outcome];
      await print(`${count} ${text.startsWith("left") ? text : `${would}${text}`}`);
    }
  }
  const { redriven = 0, purged = 0, gone = 0 } = outcomes;
  if (redriven + purged + gone < counter.total) surroundings().exitCode = 1;
}
