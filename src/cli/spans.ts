/** `throughline spans`: makes spans again from the log, and exports them: of stories, of a stretch of time, or by outcome. */

import { type Command, InvalidArgumentError, Option } from "commander";
import { openInspector } from "../composition/observer.ts";
import { peerProblem } from "../model/optional-peer.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { telemetryPeers } from "../telemetry/setup/peers.ts";
import { channelsOfModule } from "./channels-of-module.ts";
import { openFor, parsePosition } from "./common.ts";
import type { LoadExtension } from "./plug-in.ts";
import type { SpansOptions } from "./spans-run.ts";
import { UsageError } from "./usage-error.ts";

const outcomes = ["slow", "failed", "rejected", "retried"];

export function defineSpans(spans: Command, extension: LoadExtension): void {
  const rebuild = addShape(addRange(spans.command("rebuild")))
    .description("exports the spans of stories, of a stretch of time, or of stories that ended in a certain way")
    .argument("[query]", "only stories with an event that `search` finds by it");
  addAction(rebuild, extension);
  const follow = addShape(addRange(spans.command("follow")))
    .description("exports stories as they end: those that went wrong or took long, and a share of the others")
    .option("--quiet <ms>", "a story has ended when nothing of it has happened for so long", wholeNumber, 5_000);
  addAction(follow, extension);
  const heal = addRange(spans.command("heal")).description(
    "exports all spans of a stretch of time, where a Collector was away or a process was killed",
  );
  addAction(heal, extension);
  spans.addHelpText(
    "after",
    "\nThe ids are those of the live spans: doing it twice is the same as doing it once. The Collector is that of OTEL_EXPORTER_OTLP_ENDPOINT.",
  );
}

/** The options of all. */
function addRange(command: Command): Command {
  return command
    .option("--from <position>", "from an entry id, a time such as 2026-11-23T09:30Z, or -5m ago on", parsePosition)
    .option("--to <position>", "up to one", parsePosition)
    .option("--channels <module>", "a module that exports the channels, as their correlation is on the spans")
    .option("--publisher <service>", "the service of spans that no component has made", "publisher")
    .option(
      "--outside",
      "also send spans below a span that is not the backbone's: their ids are taken for derived ones",
    )
    .option("--dry-run", "count the spans, and export none");
}

/** The options of those that decide by stories. */
function addShape(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--outcome <outcomes>",
        `only stories that were ${outcomes.join(", ")}, with commas between`,
      ).argParser(outcomesOf),
    )
    .option("--slow <ms>", "from how long on a story is slow", wholeNumber, 1_000)
    .addOption(
      new Option("--rejected <attribute>", "an attribute of a rejected story's spans, name=value; may be given again")
        .argParser((one: string, before: readonly string[]) => [...before, one])
        .default([] as readonly string[]),
    )
    .option("--rest <ratio>", "the share of the other stories", ratioOf, 0);
}

function addAction(command: Command, extension: LoadExtension): void {
  command.action(async (...given: unknown[]) => {
    const [query] = given;
    const options = command.optsWithGlobals<SpansOptions>();
    if (command.name() === "heal" && options.from === undefined) throw new UsageError("from when on? Give --from");
    const channels =
      options.channels === undefined ? ((await extension()).channels ?? []) : await channelsOfModule(options.channels);
    await using inspector = openFor(command, openInspector);
    const { runSpans } = await import("./spans-run.ts").catch((error: unknown) => {
      throw peerProblem(telemetryPeers, error);
    });
    await runSpans(inspector, channels, options, typeof query === "string" ? query : undefined);
  });
}

function outcomesOf(text: string): readonly string[] {
  const wanted = text.split(",").map((one) => one.trim());
  const unknown = wanted.find((one) => !outcomes.includes(one));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${outcomes.join(", ")}.`);
  return wanted;
}

function ratioOf(text: string): number {
  const ratio = Number(text);
  if (text.trim() === "" || !(ratio >= 0 && ratio <= 1)) throw new InvalidArgumentError("It must be from 0 to 1.");
  return ratio;
}
