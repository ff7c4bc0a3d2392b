/** `throughline states`: prints the components' state for one order after each of its settlements. */

import type { Command } from "commander";
import { openObserver } from "../composition/observer.ts";
import { storyStates } from "../composition/story-states.ts";
import { timeText } from "../inspect/text/format.ts";
import { shown } from "../model/safe-text.ts";
import type { StateWrite, StoryStates } from "../replay/component/story-states.ts";
import { openFor, parsePosition } from "./common.ts";
import { type ComponentModule, moduleOption, modulesOf } from "./components.ts";
import { print, say, terminalWidth } from "./output.ts";
import type { LoadExtension } from "./plug-in.ts";
import { surroundings } from "./surroundings.ts";

interface StatesOptions {
  readonly from?: string;
  readonly module?: readonly ComponentModule[];
  readonly json?: true;
}

export function defineStates(states: Command, extension: LoadExtension): void {
  states
    .argument(
      "<query>",
      "what journey takes: an event id, <channel>/<entry id>, or an attribute such as payment.id=p-17",
    )
    .option("--from <position>", "look for the story from an entry id, a time, or -5m ago on", parsePosition)
    .addOption(moduleOption())
    .action(async (query: string, _options: object, command: Command) => {
      const { from, module = [], json } = command.optsWithGlobals<StatesOptions>();
      await using observer = openFor(command, openObserver);
      const told = await storyStates(observer, query, {
        components: { ...(await extension()).components, ...(await modulesOf(module)) },
        signal: surroundings().stopSignal(),
        ...(from === undefined ? {} : { from }),
      });
      await print(json === true ? JSON.stringify(told, undefined, 2) : renderStates(told, terminalWidth()));
      for (const note of notesOf(told)) say(note);
      if (told.steps.length === 0) surroundings().exitCode = 1;
    });
}

function notesOf({ steps, without, notes }: StoryStates): readonly string[] {
  const missing =
    without.length === 0
      ? []
      : [`The handlers of ${without.join(", ")} were not given: --module NAME=FILE, for their state to be told.`];
  return [...(steps.length === 0 ? ["No settlement of the story is told."] : []), ...missing, ...notes];
}

/** Writes a block for each settlement, and a line for each key that it wrote. */
function renderStates({ steps }: StoryStates, width: number): string {
  return steps
    .map(({ component, channel, eventIds, outcome, at, writes, otherWrites }) =>
      [
        `${timeText(at)}  ${shown(component, 60)}  ${outcome === "acked" ? "settled" : "dead-lettered"} ${shown(`${channel} ${eventIds.join(", ")}`, 160)}`,
        ...writes.flatMap((write) => linesOf(write, width)),
        ...(otherWrites === 0 ? [] : [`   and ${otherWrites} keys of others, which were handled together`]),
      ].join("\n"),
    )
    .join("\n\n");
}

function linesOf(write: StateWrite, width: number): readonly string[] {
  const value = (of: unknown): string => shown(JSON.stringify(of), Math.max(40, width - 10));
  return [
    `   ${shown(`${write.store} ${write.key}`, 160)}`,
    ...("before" in write ? [`     - ${value(write.before)}`] : []),
    ...("after" in write ? [`     + ${value(write.after)}`] : ["     deleted"]),
  ];
}
