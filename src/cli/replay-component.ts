/** `throughline replay … --component NAME`: runs a component's handlers over a record in this process. */

import { type Command, InvalidArgumentError } from "commander";
import { replayComponent } from "../composition/component-replays.ts";
import { openObserver } from "../composition/observer.ts";
import { tlsFromEnv } from "../composition/tls-files.ts";
import { ConfigError } from "../model/errors.ts";
import { ResourceStack } from "../model/resource-stack.ts";
import { serversGiven } from "../model/servers-given.ts";
import type { Speed } from "../model/speed.ts";
import { writeReplay } from "../replay/component/captured-recording.ts";
import { caveatsOf, renderReplay, replayJson } from "../replay/component/captured-text.ts";
import { diff } from "../replay/diff/diff.ts";
import { selected } from "../replay/source/selected-source.ts";
import type { ReplaySource } from "../replay/source/source.ts";
import { usageExitCode } from "../service/exit-code.ts";
import { type CommonOptions, namespaceGiven, stderrLog } from "./common.ts";
import { componentOf, componentOfModule } from "./components.ts";
import { ignoreOption, printDiff } from "./diff.ts";
import { print, say } from "./output.ts";
import type { Extension, LoadExtension, ReplayableComponent, Settings } from "./plug-in.ts";
import { channelsOf, isFile, namespaceSource, recordingSource } from "./sources.ts";
import { surroundings } from "./surroundings.ts";

interface Options extends CommonOptions {
  readonly module?: string;
  readonly set?: Settings;
  readonly diff?: true;
  readonly ignore?: readonly string[];
  readonly output?: string;
  readonly fromNamespace?: string;
  readonly channel?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly where?: string;
  readonly limit?: number;
  readonly speed?: Speed;
  readonly skipInvalid?: true;
  readonly maxLineBytes?: number;
}

const ofComponents = ["module", "set", "diff", "ignore", "output"] as const;
const ofRepublishing = ["into", "live", "yes", "dryRun", "resume", "background"] as const;

/** Adds the options of a replay in process to those of `replay`. */
export function addComponentOptions(command: Command): Command {
  return command
    .option(
      "--component <name>",
      "publish nothing: run this component's handlers here, in the order in which it had settled",
    )
    .option("--module <file>", "with --component: your own, a module that exports its `subscriptions`")
    .option(
      "--set <name=value>",
      "with --component: a setting, such as maxSliceQuantity=500; may be given again",
      parseSetting,
    )
    .option("--diff", "with --component: compare its outputs with the recorded ones; exit code 1 on a difference")
    .option(...ignoreOption)
    .option("-o, --output <file>", "with --component: write what it gave as a recording");
}

/**
 * Replays a component where the command names one, and resolves with true; else with false. Ends the process with one
 * line where the options do not go together.
 */
export async function replaysComponent(
  targets: readonly string[],
  command: Command,
  extension: LoadExtension,
  signal: AbortSignal,
): Promise<boolean> {
  const options = command.optsWithGlobals<Options & { readonly component?: string }>();
  const refuse = (text: string): never => command.error(`error: ${text}`, { exitCode: usageExitCode });
  const given = (names: readonly string[]): string | undefined =>
    command.options.find((option) => {
      const name = option.attributeName();
      return names.includes(name) && command.getOptionValueSource(name) === "cli";
    })?.long;
  if (options.component === undefined) {
    const odd = given(ofComponents);
    return odd === undefined ? false : refuse(`${odd} goes with --component NAME`);
  }
  const odd = given(ofRepublishing);
  if (odd !== undefined) refuse(`${odd} is about republishing; with --component nothing is published`);
  if (options.diff === true && (options.where !== undefined || options.limit !== undefined)) {
    refuse("--diff takes the whole record: a component that gets only some of its events cannot do the same as it did");
  }
  try {
    await run(targets, options.component, options, command, await extension(), signal);
  } catch (error) {
    if (error instanceof ConfigError) refuse(error.message);
    if (error !== signal.reason) throw error;
  }
  if (signal.aborted) {
    say("Interrupted: this is not the whole record.");
    surroundings().exitCode = 1;
  }
  return true;
}

async function run(
  targets: readonly string[],
  name: string,
  options: Options,
  command: Command,
  extension: Extension,
  signal: AbortSignal,
): Promise<void> {
  await using opened = new ResourceStack();
  const { set = {}, module, output, speed = "max", ignore = [] } = options;
  const component = module === undefined ? componentOf(extension, name) : await componentOfModule(module);
  const { outputs } = component;
  const { source, recorded, partitions } = await openRecord(targets, component, options, command, opened);
  const subscriptions = await component.subscriptions(source, set);
  const replay = replayComponent({ source, component: name, subscriptions, outputs, speed });
  if (output !== undefined) await writeReplay(replay, output, { partitions, signal });
  else if (options.diff !== true) for await (const _ of replay.calls(signal));
  if (options.diff !== true) {
    await print(options.json === true ? replayJson(replay) : renderReplay(replay));
    return;
  }
  const channels = [...(extension.channels ?? []), ...subscriptions.map(({ channel }) => channel), ...outputs];
  const replayed = output === undefined ? replay : await recordingSource(output);
  const difference = await diff(recorded, replayed, { channels, ignore, signal });
  await printDiff({ ...difference, notes: [...caveatsOf(replay), ...difference.notes] }, options.json === true);
}

interface OpenedRecord {
  readonly source: ReplaySource;
  /** The recorded source with the component's outputs, where it has them. */
  readonly recorded: ReplaySource;
  readonly partitions: number;
}

async function openRecord(
  targets: readonly string[],
  { outputs }: ReplayableComponent,
  options: Options,
  command: Command,
  opened: ResourceStack,
): Promise<OpenedRecord> {
  const { from, to, where, limit, channel: channels } = options;
  const refuse = (text: string): never => command.error(`error: ${text}`, { exitCode: usageExitCode });
  const [first, ...others] = targets;
  if (first === undefined) return refuse("say what to replay: a recording's file, or channels");
  if (targets.some(isFile)) {
    if (others.length > 0) return refuse("one recording at a time, and not together with channels");
    const recording = await recordingSource(first, options);
    const recorded = selected(recording, { from, to });
    return { source: selected(recorded, { channels, where, limit }), recorded, partitions: recording.partitions };
  }
  if (channels !== undefined) return refuse("--channel chooses from a recording; channels of the log are simply named");
  const namespace = namespaceOf(options, command);
  const place = { ...serversGiven(options), tls: tlsFromEnv(surroundings().env), namespace, log: stderrLog };
  const observer = opened.use(openObserver(place));
  const existing = options.diff === true ? await channelsOf(observer) : [];
  const published = outputs.map(({ name }) => name).filter((name) => existing.includes(name));
  const recorded = await namespaceSource(observer, [...new Set([...targets, ...published])], { from, to });
  return { source: selected(recorded, { where, limit }), recorded, partitions: recorded.partitions };
}

/** The one namespace of the command: nothing is written, so that `--namespace` may name the source as well. */
function namespaceOf({ fromNamespace, namespace }: Partial<Options>, command: Command): string {
  const isGiven = command.parent?.getOptionValueSource("namespace") === "cli";
  return namespaceGiven(isGiven ? namespace : (fromNamespace ?? namespace));
}

function parseSetting(text: string, before: Settings = {}): Settings {
  const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("It must be name=value.");
  try {
    return { ...before, [name]: JSON.parse(value) };
  } catch {
    return { ...before, [name]: value };
  }
}
