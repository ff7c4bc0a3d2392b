/** `throughline import`: appends the events of a file, a recording or lines, to a namespace. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Backbone } from "../composition/backbone.ts";
import { connectBackbone } from "../composition/connect-backbone.ts";
import { openInspector } from "../composition/observer.ts";
import { tlsFromEnv } from "../composition/tls-files.ts";
import { type Channel, defineChannel } from "../model/channel.ts";
import type { RecordingError } from "../model/errors.ts";
import { escaped } from "../model/safe-text.ts";
import { serversGiven } from "../model/servers-given.ts";
import type { Speed } from "../model/speed.ts";
import type { Inspector } from "../ports/inspect.ts";
import { importEntries, ndjsonLine } from "../replay/recording/import-file.ts";
import { type ImportReport, importRecording } from "../replay/recording/import-recording.ts";
import { openRecording } from "../replay/recording/recording-reader.ts";
import { usageExitCode } from "../service/exit-code.ts";
import { wholeNumber } from "../service/option-parsers.ts";
import { type CommonOptions, stderrLog } from "./common.ts";
import { openCountProgress } from "./count-progress.ts";
import { mayWriteLive } from "./live.ts";
import { print, say } from "./output.ts";
import type { LineFormat, LoadExtension } from "./plug-in.ts";
import { maxLineBytesOption } from "./sources.ts";
import { surroundings } from "./surroundings.ts";
import { UsageError } from "./usage-error.ts";

interface ImportCommandOptions extends CommonOptions {
  readonly into?: string;
  readonly format?: string;
  readonly speed: Speed;
  readonly time?: string;
  readonly key?: string;
  readonly fromLine?: number;
  readonly maxLineBytes?: number;
  readonly skipInvalid?: true;
  readonly live?: true;
  readonly yes?: true;
}

type Formats = Readonly<Record<string, LineFormat>>;

/** The format of lines of JSON. */
const ndjsonFormat: LineFormat = {
  options: [
    new Option("--time <field>", "of lines of JSON: the field with the time, such as meta.at (default: time)"),
    new Option(
      "--drop <field>",
      "of lines of JSON: a field that is left out of the payload, such as time, which a strict schema refuses; may be given again",
    ).argParser((field: string, before: readonly string[] = []) => [...before, field]),
  ],
  parse: (_file, { time, drop }) => ndjsonLine(time as string | undefined, drop as readonly string[] | undefined),
};

/** The schema of unknown channels: any JSON is valid. */
const anything: StandardSchemaV1<unknown> = {
  "~standard": { version: 1, vendor: "throughline", validate: (value) => ({ value }) },
};

/** Most invalid lines that are named; the counts cover all. */
const maxNamed = 20;

export async function defineImport(command: Command, extension: LoadExtension): Promise<void> {
  const { lineFormats = {}, channels: known = [] } = await extension();
  const formats: Formats = { ndjson: ndjsonFormat, ...lineFormats };
  command
    .argument("<file>", "may be compressed, as .gz or .zst")
    .option("--into <channel>", "the channel; a recording's entries go into the channels of their names without it")
    .addOption(
      new Option("--format <format>", "default: by the file's name, else recording").choices([
        "recording",
        ...Object.keys(formats),
      ]),
    )
    .addOption(
      new Option("--speed <speed>", "by the times between the entries: original, so many times as fast, or max")
        .default("original" satisfies Speed)
        .argParser(parseSpeed),
    )
    .option("--key <field>", "of lines of JSON: the field whose value is the ordering key")
    .option(
      "--from-line <number>",
      "of other files than recordings: begin there, where an earlier import ended",
      wholeNumber,
    )
    .option(...maxLineBytesOption)
    .option("--skip-invalid", "leave out what cannot be read; without it nothing is imported then")
    .option("--live", "into a namespace that is in use")
    .option("-y, --yes", "do not ask");
  for (const { options = [] } of Object.values(formats)) for (const option of options) command.addOption(option);
  command.action(async (file: string, _options: object, self: Command) => {
    const options = self.optsWithGlobals<ImportCommandOptions>();
    const signal = surroundings().stopSignal();
    const format = options.format ?? formatOf(formats, file);
    refuseStray(self, formats, format, options);
    const report = await (format === "recording"
      ? importRecorded(self, file, options, signal)
      : importLines(self, file, formats[format] ?? ndjsonFormat, known, options, signal));
    if (report === undefined) {
      surroundings().exitCode = 1;
      return;
    }
    await print(options.json === true ? JSON.stringify(report) : textOf(file, report));
    if (!report.isComplete) surroundings().exitCode = 1;
  });
}

interface CommandReport extends ImportReport {
  readonly invalid: number;
  readonly left: number;
}

/** Imports a recording. Undefined where the person said no. */
async function importRecorded(
  command: Command,
  file: string,
  options: ImportCommandOptions,
  signal: AbortSignal,
): Promise<CommandReport | undefined> {
  const invalid = invalidLines();
  const { speed, into, skipInvalid = false, maxLineBytes } = options;
  const recording = await openRecording(file, { skipInvalid, maxLineBytes, onInvalid: invalid.tell, signal });
  const channels = into === undefined ? recording.channels : [into];
  await using backbone = await backboneFor(command, options, channels, recording.header.partitions);
  if (backbone === undefined) return undefined;
  using progress = openCountProgress(surroundings().stderr, "entries");
  const report = await importRecording(backbone, recording, {
    speed,
    signal,
    ...(into === undefined ? {} : { into }),
    onProgress: (entries) => progress.show(entries, entries / Math.max(1, recording.entries)),
  });
  return { ...report, invalid: invalid.count(), left: 0 };
}

async function importLines(
  command: Command,
  file: string,
  format: LineFormat,
  known: readonly Channel<unknown>[],
  options: ImportCommandOptions,
  signal: AbortSignal,
): Promise<CommandReport | undefined> {
  const { into, speed, skipInvalid = false, fromLine, maxLineBytes } = options;
  if (into === undefined)
    throw new UsageError("--into <channel> is needed: only a recording says which channels it is of");
  const channel = channelOf(known, into, options);
  const parse = format.parse(file, { ...options });
  await using backbone = await backboneFor(command, options, [into], 1);
  if (backbone === undefined) return undefined;
  const invalid = invalidLines();
  using progress = openCountProgress(surroundings().stderr, "entries");
  let line = 0;
  try {
    return await importEntries(backbone, channel, file, parse, {
      speed,
      signal,
      skipInvalid,
      onInvalid: invalid.tell,
      ...(fromLine === undefined ? {} : { fromLine }),
      ...(maxLineBytes === undefined ? {} : { maxLineBytes }),
      onProgress: (entries, upTo) => {
        line = upTo;
        progress.show(entries, undefined);
      },
    });
  } catch (error) {
    if (line > 0) say(`All up to line ${line} was imported: --from-line ${line + 1} goes on.`);
    throw error;
  }
}

/** Opens the backbone to import into. Undefined where the person said no. */
async function backboneFor(
  command: Command,
  options: ImportCommandOptions,
  channels: readonly string[],
  partitions: number,
): Promise<Backbone | undefined> {
  const { namespace } = options;
  const servers = serversGiven(options);
  const tls = tlsFromEnv(surroundings().env);
  await using inspector = openInspector({ ...servers, tls, namespace, log: stderrLog });
  const catalogue = await inspector.catalogue();
  const into = `${channels.join(", ")} of namespace "${namespace}"`;
  if (
    (await isLive(inspector, channels)) &&
    !(await mayWriteLive(command, `This appends to ${into}, whose components will handle it.`, options))
  ) {
    return undefined;
  }
  return connectBackbone({
    ...servers,
    namespace,
    partitions: catalogue?.partitions ?? partitions,
    log: stderrLog,
    ...(tls === undefined ? {} : { tls }),
  });
}

/**
 * True where the namespace is in use. A channel that was only written by hand has a namespace without a description.
 */
async function isLive(inspector: Inspector, channels: readonly string[]): Promise<boolean> {
  const catalogue = await inspector.catalogue();
  if (catalogue !== undefined) return catalogue.shadowOf === undefined;
  const facts = await Promise.all(channels.map((channel) => inspector.streamFacts({ channel, partition: 0 })));
  return facts.some((one) => one !== undefined);
}

/** The channel of this name: a known one with its schema, else one that takes any JSON. */
function channelOf(known: readonly Channel<unknown>[], name: string, { key }: ImportCommandOptions): Channel<unknown> {
  const found = known.find((channel) => channel.name === name);
  if (found !== undefined && key !== undefined) {
    throw new UsageError(`channel "${name}" has its own ordering key: --key is for channels that are not known here`);
  }
  if (found !== undefined) return found;
  if (key === undefined) return defineChannel({ name, schema: anything });
  const path = key.split(".");
  return defineChannel<unknown>({
    name,
    schema: anything,
    key: (payload) => {
      let value: unknown = payload;
      for (const part of path) value = (value as Readonly<Record<string, unknown>> | undefined | null)?.[part];
      return value === undefined || value === null ? "" : String(value);
    },
  });
}

function invalidLines(): { readonly tell: (error: RecordingError) => void; readonly count: () => number } {
  let count = 0;
  return {
    tell: ({ message }) => {
      count++;
      if (count <= maxNamed) say(message);
      if (count === maxNamed + 1) say("More is left out; it is counted.");
    },
    count: () => count,
  };
}

function textOf(file: string, { entries, line, isComplete, invalid, left }: CommandReport): string {
  const parts = [`${entries.toLocaleString("en-US")} entries`];
  if (left > 0) parts.push(`left out: ${left.toLocaleString("en-US")}`);
  if (invalid > 0) parts.push(`left out as invalid: ${invalid.toLocaleString("en-US")}`);
  const end = isComplete ? "." : `, interrupted after line ${line}.`;
  return `${escaped(file)}: ${parts.join(", ")}${end}`;
}

function formatOf(formats: Formats, file: string): string {
  const named = Object.entries(formats).find(([, { fileName }]) => fileName?.test(file) === true);
  return named?.[0] ?? "recording";
}

/** Ends the process with one line where an option belongs to another format. */
function refuseStray(command: Command, formats: Formats, format: string, options: ImportCommandOptions): void {
  const given = (name: string): boolean => options[name as keyof ImportCommandOptions] !== undefined;
  const refuse = (flag: string): never =>
    command.error(`error: ${flag} is not for a file of format ${format}`, { exitCode: usageExitCode });
  for (const [name, { options: own = [] }] of Object.entries(formats)) {
    if (name === format) continue;
    const stray = own.find((option) => given(option.attributeName()));
    if (stray !== undefined) refuse(stray.long ?? stray.flags);
  }
  if (format === "recording" && options.fromLine !== undefined) refuse("--from-line");
  if (format !== "ndjson" && options.key !== undefined) refuse("--key");
}

function parseSpeed(text: string): Speed {
  if (text === "original" || text === "max") return text;
  const factor = /^\d*\.?\d+$/.test(text) ? Number(text) : 0;
  if (factor > 0) return factor;
  throw new InvalidArgumentError("It must be original, max, or a number above 0, such as 10.");
}
