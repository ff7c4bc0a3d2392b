/** `throughline replay`: republishes a recording or a range of the log. Its output is made in replay-render.ts. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { openReplays } from "../composition/replays.ts";
import { isName } from "../model/names.ts";
import type { Speed } from "../model/speed.ts";
import type { RunRequest } from "../ports/replay-runs.ts";
import { openRecording } from "../replay/recording/recording-reader.ts";
import type { Replays } from "../replay/republish/namespace-replays.ts";
import type { RunOptions } from "../replay/republish/perform-run.ts";
import type { SourceOptions } from "../replay/source/open-source.ts";
import { factorOf } from "../replay/source/pacing.ts";
import { usageExitCode } from "../service/exit-code.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { startCommandTelemetry } from "./command-telemetry.ts";
import { type CommonOptions, namespaceGiven, openFor, parsePosition } from "./common.ts";
import { openCountProgress } from "./count-progress.ts";
import { mayWriteLive } from "./live.ts";
import { print, say } from "./output.ts";
import type { LoadExtension } from "./plug-in.ts";
import { addComponentOptions, replaysComponent } from "./replay-component.ts";
import { rehearsalJson, rehearsalText, reportJson, reportText, requestText } from "./replay-render.ts";
import { requireRedis } from "./require-redis.ts";
import { isFile, maxLineBytesOption } from "./sources.ts";
import { surroundings } from "./surroundings.ts";

interface ReplayCommandOptions extends CommonOptions {
  readonly fromNamespace?: string;
  readonly channel?: readonly string[];
  readonly into?: string;
  readonly from?: string;
  readonly to?: string;
  readonly where?: string;
  readonly limit?: number;
  readonly speed?: Speed;
  readonly live?: true;
  readonly yes?: true;
  readonly dryRun?: true;
  readonly skipInvalid?: true;
  readonly maxLineBytes?: number;
  readonly resume?: string;
  readonly background?: true;
}

export function defineReplay(replay: Command, extension: LoadExtension): void {
  replay
    .argument("[source...]", "a recording's file, or channels; not needed with --resume")
    .option("--channel <name...>", "only these channels of a recording")
    .addOption(new Option("--from-namespace <name>", "where channels are read (default: NAMESPACE)").env("NAMESPACE"))
    .option("--into <channel>", "republish into this channel; --namespace says of which namespace")
    .option("--from <position>", "begin at an entry id, a time such as 2026-11-23T09:30Z, or -2h ago", parsePosition)
    .option("--to <position>", "end at, included", parsePosition)
    .addOption(
      new Option("--where <name=value>", "only events with this attribute, such as payment.id=p-17").argParser(
        parseAttribute,
      ),
    )
    .option("-n, --limit <count>", "only the first so many", wholeNumber)
    .option("--speed <speed>", "original (default), so many times as fast, or max", parseSpeed)
    .option("--live", "the namespace is one that components work in, and it is meant")
    .option("-y, --yes", "do not ask before a replay into a live namespace")
    .option("--skip-invalid", "leave out entries that are no events, and take what can be read of a damaged recording")
    .option(...maxLineBytesOption)
    .option("--dry-run", "say what would go where, and write nothing")
    .option("--resume <run>", "go on with a run that was interrupted")
    .option("--background", "leave it to `throughline replays work`")
    .addHelpText(
      "after",
      "\nHere, --namespace names where the events go. Without it they go into a shadow of the namespace that they come from.",
    )
    .action(async (sources: string[], _options: object, command: Command) => {
      const signal = surroundings().stopSignal();
      await using _telemetry = await startCommandTelemetry("throughline-replay");
      if (await replaysComponent(sources, command, extension, signal)) return;
      const options = command.optsWithGlobals<ReplayCommandOptions>();
      const source = await openedOf(sourceOf(command, sources, options));
      const namespace = namespaceOf(source, options);
      await requireRedis(command);
      await using replays = openFor(command, openReplays, namespace);
      if (options.resume !== undefined) await resume(command, replays, options.resume, sources, options, signal);
      else await begin(command, replays, source, options, signal).catch((error: unknown) => interrupted(error, signal));
    });
  addComponentOptions(replay);
}

async function begin(
  command: Command,
  replays: Replays,
  source: SourceOptions,
  options: ReplayCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const opened = await replays.open(source);
  const { into, from, to, where, limit, speed, live, skipInvalid, json } = options;
  const namespace = targetOf(command);
  const wanted = { namespace, into, from, to, where, limit, speed, live, skipInvalid };
  const request = await replays.prepare(opened, wanted, signal);
  if (options.dryRun === true) {
    const rehearsal = await replays.rehearse(opened, request, signal);
    await print(json === true ? rehearsalJson(rehearsal) : rehearsalText(rehearsal));
    if (rehearsal.entries.size === 0) surroundings().exitCode = 1;
    return;
  }
  const what = `This republishes into the live namespace "${request.namespace}", whose components will handle it.`;
  if (live === true && !(await mayWriteLive(command, what, options))) {
    say("Nothing was done.");
    surroundings().exitCode = 1;
    return;
  }
  if (options.background === true) {
    await replays.queue(request);
    await print(json === true ? JSON.stringify({ run: request.run, namespace: request.namespace }) : request.run);
    say(requestText(request));
    say("It waits for `throughline replays work`.");
    return;
  }
  say(requestText(request));
  await show(request, json === true, (hooks) => replays.start(opened, request, { ...hooks, signal }));
}

/** Ends the command with one line where it was stopped before it had written anything. */
function interrupted(error: unknown, signal: AbortSignal): void {
  if (error !== signal.reason) throw error;
  say("Interrupted: nothing was done.");
  surroundings().exitCode = 1;
}

async function resume(
  command: Command,
  replays: Replays,
  run: string,
  sources: readonly string[],
  options: ReplayCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const found = await replays.find(run);
  if (found !== undefined) {
    // The request is kept with the run; options that are given again must be the same.
    const { request } = found;
    const given = {
      into: options.into,
      from: options.from,
      to: options.to,
      where: options.where,
      limit: options.limit,
    };
    const other = Object.entries(given).find(
      ([name, value]) => value !== undefined && value !== request[name as keyof RunRequest],
    );
    const isOther = sources.length > 0 && !isSourceOf(request, sources);
    if (other !== undefined || isOther) {
      const what = isOther ? "source" : `--${other?.[0]}`;
      command.error(`error: run ${run} has another ${what}: leave it out, what it began with is kept`, {
        exitCode: usageExitCode,
      });
    }
    say(requestText(request));
  }
  const { speed } = options;
  await show(found?.request, options.json === true, (hooks) => replays.resume(run, { ...hooks, speed, signal }));
}

async function show(
  request: RunRequest | undefined,
  json: boolean,
  run: (hooks: RunOptions) => ReturnType<Replays["start"]>,
): Promise<void> {
  const total = request?.total;
  let firstUnreadable: string | undefined;
  using progress = openCountProgress(surroundings().stderr, "events");
  const report = await run({
    onProgress: (entries) => progress.show(entries, total === undefined ? undefined : entries / Math.max(1, total)),
    onUnreadable: ({ channel, entryId }) => {
      firstUnreadable ??= `${channel}/${entryId}`;
    },
  });
  progress[Symbol.dispose]();
  if (firstUnreadable !== undefined) say(`Left out as no event: ${firstUnreadable}`);
  await print(json ? reportJson(report) : reportText(report));
  if (report.state !== "done" || report.entries === 0) surroundings().exitCode = 1;
}

/** The source: a path, or a name with a recording's ending, is a file; any other names are channels. */
function sourceOf(command: Command, sources: readonly string[], options: ReplayCommandOptions): SourceOptions {
  const { resume: run, from, to, channel: channels, skipInvalid, maxLineBytes } = options;
  const wrong = (text: string): never => command.error(`error: ${text}`, { exitCode: usageExitCode });
  const [first] = sources;
  if (first === undefined) return run === undefined ? wrong("say what to replay: a recording's file, or channels") : {};
  if (sources.some(isFile)) {
    if (sources.length > 1) return wrong("one recording at a time, and not together with channels");
    const onInvalid = (error: Error): void => void say(`Left out: ${error.message}`);
    return { recording: resolve(first), channels, skipInvalid, maxLineBytes, onInvalid };
  }
  const odd = sources.find((name) => !isName(name));
  if (odd !== undefined)
    return wrong(`"${odd}" is no channel; a recording without an ending is named with its path, ./${odd}`);
  if (channels !== undefined) return wrong("--channel chooses from a recording; channels of the log are simply named");
  const file = sources.find((name) => existsSync(name));
  if (file !== undefined) say(`"${file}" is taken for a channel; the file is ./${file}`);
  return { channels: sources, from, to };
}

function isSourceOf({ source, channels }: RunRequest, sources: readonly string[]): boolean {
  if ("recording" in source) return sources.length === 1 && resolve(sources[0] as string) === source.recording;
  return sources.length === channels.length && sources.every((name) => channels.includes(name));
}

/** The namespace of the runs: the one that is replayed. A recording names it itself. */
function namespaceOf({ recording }: SourceOptions, { fromNamespace }: ReplayCommandOptions): string {
  return typeof recording === "object" ? recording.namespace : namespaceGiven(fromNamespace);
}

async function openedOf(source: SourceOptions): Promise<SourceOptions> {
  const { recording, skipInvalid = false, onInvalid, maxLineBytes } = source;
  if (typeof recording !== "string") return source;
  const options = { skipInvalid, maxLineBytes, ...(onInvalid === undefined ? {} : { onInvalid }) };
  return { ...source, recording: await openRecording(recording, options) };
}

/** The target on the command line only: the variable NAMESPACE names the source of the events. */
function targetOf(command: Command): string | undefined {
  const program = command.parent as Command;
  return program.getOptionValueSource("namespace") === "cli" ? program.opts<CommonOptions>().namespace : undefined;
}

function parseSpeed(text: string): Speed {
  if (text === "original" || text === "max") return text;
  const [, times] = /^(\d*\.?\d+)x?$/.exec(text) ?? [];
  try {
    factorOf(Number(times));
    return Number(times);
  } catch {
    throw new InvalidArgumentError("It must be original, max, or how many times as fast, such as 10.");
  }
}

function parseAttribute(text: string): string {
  if (/^[A-Za-z_][\w.-]*=/.test(text)) return text;
  throw new InvalidArgumentError("It must be name=value, or payload.path=value.");
}
