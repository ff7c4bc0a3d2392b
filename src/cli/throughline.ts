#!/usr/bin/env node
/** The `throughline` command. Exit codes: 0 done; 1 it failed or found nothing; 2 it was called wrongly. */

import { Command, CommanderError, Option } from "commander";
import { ThroughlineError } from "../errors.ts";
import { addAcl } from "./acl.ts";
import { usageExitCode } from "./common.ts";
import { addDead } from "./dead.ts";
import { addDiff } from "./diff.ts";
import { addImport } from "./import.ts";
import { addJourney } from "./journey.ts";
import { endWithReader } from "./output.ts";
import { addRecord } from "./record.ts";
import { addReplay } from "./replay.ts";
import { addReplays } from "./replays.ts";
import { addStatus } from "./status.ts";
import { addTail } from "./tail.ts";

const program = new Command("throughline")
  .description("Looks into a Throughline backbone, and deals with its dead letters.")
  .addOption(new Option("--url <url>", "where Redis is").env("REDIS_URL").default("redis://127.0.0.1:6379"))
  .addOption(new Option("--namespace <name>", "the backbone's namespace").env("NAMESPACE").default("trading"))
  .option("--json", "print JSON in place of text")
  .configureHelp({ showGlobalOptions: true })
  .showSuggestionAfterError(true)
  .addHelpText("afterAll", "\nExit codes: 0 done; 1 it failed, or found nothing; 2 it was called wrongly.")
  .exitOverride();
addStatus(program);
addTail(program);
addJourney(program);
addDead(program);
addRecord(program);
addImport(program);
addAcl(program);
addReplay(program);
addReplays(program);
addDiff(program);
for (const command of [program, ...program.commands.flatMap((one) => [one, ...one.commands])]) {
  command
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`${text.trim().replaceAll("\n", " ")}\n`) });
}

endWithReader();
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Without arguments commander prints the help, as an error.
    process.exitCode = error.exitCode === 0 ? 0 : usageExitCode;
  } else if (error instanceof ThroughlineError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else throw error;
}
