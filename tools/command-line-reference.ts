/** The command line's reference: the help of every command, as the command itself prints it. */

import type { Command } from "commander";
import { programOf } from "../src/cli/command-line.ts";
import { commands } from "../src/cli/commands.ts";

export const referencePath = "docs/reference/command-line.md";

const mark = "<!-- the help of every command, written by npm run docs:commands -->";
/** Characters in a line of help, as many as where standard output is no terminal. */
const width = 80;

/** A command's name with its parents' names, and its help. */
interface CommandHelp {
  readonly name: string;
  readonly text: string;
}

/** The help of the program and of all its commands, each before its subcommands. */
export async function allHelp(): Promise<readonly CommandHelp[]> {
  const program = programOf({});
  for (const command of program.commands) {
    const define = await commands.get(command.name())?.load();
    await define?.(command, async () => ({}));
  }
  return helpOf(program, []);
}

/** The document with this help in place of what stands below its mark. @throws when it has no mark */
export function withHelp(document: string, all: readonly CommandHelp[]): string {
  const at = document.indexOf(mark);
  if (at === -1) throw new Error(`the document has no line "${mark}"`);
  const sections = all.map(({ name, text }) => `## ${name}\n\n\`\`\`\n${text}\n\`\`\``);
  return `${document.slice(0, at)}${mark}\n\n${sections.join("\n\n")}\n`;
}

function helpOf(command: Command, parents: readonly string[]): readonly CommandHelp[] {
  const path = [...parents, command.name()];
  command.configureOutput({ getOutHelpWidth: () => width });
  // The options that every command has are said once, in the program's own help.
  const paragraphs = command.helpInformation().trimEnd().split("\n\n");
  const text = paragraphs.filter((part) => parents.length === 0 || !part.startsWith("Global Options:")).join("\n\n");
  return [{ name: path.join(" "), text }, ...command.commands.flatMap((below) => helpOf(below, path))];
}
