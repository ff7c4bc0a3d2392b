/** The command line as a program: common options, commands, and exit codes. */

import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { ThroughlineError } from "../model/errors.ts";
import { usageLine } from "../model/safe-text.ts";
import { defaultUrl } from "../model/servers-given.ts";
import { usageExitCode } from "../service/exit-code.ts";
import { commands } from "./commands.ts";
import type { CommonOptions } from "./common.ts";
import { endUnforeseen, endWhenDone, endWithReader, say } from "./output.ts";
import type { PlugIn } from "./plug-in.ts";
import { surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Runs the command that the process's arguments name, and sets its exit code: 0 done; 1 it failed or found nothing; 2
 * it was called wrongly. The process ends when nothing is open any more.
 */
export async function runCommandLine(plugIn: PlugIn = {}): Promise<void> {
  endWithReader();
  endWhenDone();
  try {
    await perform(process.argv.slice(2), plugIn);
  } catch (error) {
    endUnforeseen(error);
  }
}

/** Performs the command that the arguments name, and sets its surroundings' exit code. @throws what nobody foresaw */
export async function perform(args: readonly string[], plugIn: PlugIn): Promise<void> {
  try {
    await programOf(plugIn).parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Without arguments commander prints the help, and throws as for an error.
      surroundings().exitCode = error.exitCode === 0 ? 0 : usageExitCode;
    } else if (error instanceof ThroughlineError) {
      say(error.message);
      surroundings().exitCode = error instanceof UsageError ? usageExitCode : 1;
    } else throw error;
  }
}

/** The package's version. Its description lies two directories above, in a checkout and in a package. */
function versionOf(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}

/** The program with its commands, each without what its own file adds when it is called. */
export function programOf({ namespace, load = async () => ({}) }: PlugIn): Command {
  /** Loads a command's definition, and adds it to the command. */
  const define = async (command: Command): Promise<void> => {
    await (await commands.get(command.name())?.load())?.(command, load);
  };
  const program = new Command("throughline")
    .description("Looks into a Throughline backbone, and deals with its dead letters.")
    .addOption(new Option("--url <url>", "where Redis is").env("REDIS_URL").default(undefined, defaultUrl))
    .addOption(new Option("--cluster <urls>", "or some nodes of a cluster, with commas between").env("REDIS_CLUSTER"))
    .addOption(new Option("--sentinels <urls>", "or Sentinels, with commas between").env("REDIS_SENTINELS"))
    .addOption(new Option("--sentinel-name <name>", "and their name for the primary").env("REDIS_SENTINEL_NAME"))
    .addOption(new Option("--namespace <name>", "the backbone's namespace").env("NAMESPACE").default(namespace))
    .option("--json", "print JSON in place of text")
    .version(versionOf())
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true)
    .addHelpText("afterAll", "\nExit codes: 0 done; 1 it failed, or found nothing; 2 it was called wrongly.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings().stdout.write(text),
      writeErr: (text) => surroundings().stderr.write(text),
      outputError: (text, write) => write(usageLine(text)),
    })
    .hook("preSubcommand", (_program, command) => define(command))
    .hook("preAction", (_program, command) => {
      takeEnvironment(command);
      refuseWithoutNamespace(command);
    })
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
  return program;
}

/** Takes what the command line leaves out from a given environment, as commander itself has taken it from the process's. */
function takeEnvironment(command: Command): void {
  const { env } = surroundings();
  if (env === process.env) return;
  for (let one: Command | null = command; one !== null; one = one.parent) {
    for (const option of one.options) {
      const name = option.attributeName();
      const value = option.envVar === undefined ? undefined : env[option.envVar];
      if (value === undefined || one.getOptionValueSource(name) === "cli") continue;
      one.setOptionValueWithSource(name, value, "env");
    }
  }
}

/** Ends the process where no namespace was given for a command, or a subcommand such as `dead list`, that needs one. */
function refuseWithoutNamespace(command: Command): void {
  for (let one: Command | null = command; one !== null; one = one.parent) {
    if (commands.get(one.name())?.needsNamespace !== true) continue;
    if (command.optsWithGlobals<Partial<CommonOptions>>().namespace !== undefined) return;
    command.error("error: which namespace? Give --namespace NAME, or set NAMESPACE", { exitCode: usageExitCode });
  }
}
