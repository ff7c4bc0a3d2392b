#!/usr/bin/env node
/** The `throughline` command. Exit codes: 0 done; 1 it failed or found nothing; 2 it was called wrongly. */

import { Command, CommanderError, Option } from "commander";
import { ThroughlineError } from "../errors.ts";
import { usageLine } from "../safe-text.ts";
import { commands } from "./commands.ts";
import { usageExitCode } from "./common.ts";
import { endUnforeseen, endWithReader, say } from "./output.ts";

const program = new Command("throughline")
  .description("Looks into a Throughline backbone, and deals with its dead letters.")
  .addOption(new Option("--url <url>", "where Redis is").env("REDIS_URL").default("redis://127.0.0.1:6379"))
  .addOption(new Option("--namespace <name>", "the backbone's namespace").env("NAMESPACE").default("trading"))
  .option("--json", "print JSON in place of text")
  .configureHelp({ showGlobalOptions: true })
  .showSuggestionAfterError(true)
  .addHelpText("afterAll", "\nExit codes: 0 done; 1 it failed, or found nothing; 2 it was called wrongly.")
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(usageLine(text)) })
  .hook("preSubcommand", (_program, command) => define(command))
  .helpCommand(false);
for (const [name, { description }] of commands) program.command(name).description(description);
program
  .command("help")
  .description("display help for a command")
  .argument("[command]")
  .action(async (name?: string) => {
    const command = name === undefined ? program : program.commands.find((one) => one.name() === name);
    if (command === undefined) return program.error(`error: unknown command '${name}'`);
    await define(command);
    return command.help();
  });

/** Adds to a command what its file says of it. */
async function define(command: Command): Promise<void> {
  (await commands.get(command.name())?.load())?.(command);
}

endWithReader();
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Without arguments commander prints the help, as an error.
    process.exitCode = error.exitCode === 0 ? 0 : usageExitCode;
  } else if (error instanceof ThroughlineError) {
    say(error.message);
    process.exitCode = 1;
  } else endUnforeseen(error);
}
