/** `throughline import`. */

import { type Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { type Channel, defineChannel } from "../channel.ts";
import { ConfigError, type RecordingError } from "../errors.ts";
import { type Backbone, connectBackbone } from "../index.ts";
import type { Inspector } from "../observe/inspector.ts";
import { openInspector } from "../observer.ts";
import { clientOrders, exchangeOrders, executions, fills, lobsterLine } from "../orders/index.ts";
import { importEntries, type LineParser, ndjsonLine } from "../replay/import-file.ts";
import { type ImportReport, importRecording } from "../replay/import-recording.ts";
import type { Speed } from "../replay/pacing.ts";
import { openRecording } from "../replay/recording-reader.ts";
import { escaped } from "../safe-text.ts";
import { tlsFromEnv } from "../tls.ts";
import { type CommonOptions, parseWhole, stderrLog, stopSignal } from "./common.ts";
import { openCountProgress } from "./count-progress.ts";
import { mayWriteLive } from "./live.ts";
import { print, say } from "./output.ts";
import { maxLineBytesOption } from "./sources.ts";

const formats = ["recording", "ndjson", "lobster"] as const;

interface ImportCommandOptions extends CommonOptions {
  readonly into?: string;
  readonly format?: (typeof formats)[number];
  readonly speed: Speed;
  readonly time?: string;
  readonly key?: string;
  readonly symbol?: string;
  readonly fromLine?: number;
  readonly maxLineBytes?: number;
  readonly skipInvalid?: true;
  readonly live?: true;
  readonly yes?: true;
}

/** Lines that are wrong are named up to this number; the counts cover all. */
const maxNamed = 20;

export function defineImport(command: Command): void {
  command
    .argument("<file>", "may be compressed, as .gz or .zst")
    .option("--into <channel>", "the channel; a recording's entries go into the channels of their names without it")
    .addOption(
      new Option("--format <format>", "default: lobster where the name ends with .csv, else recording").choices(
        formats,
      ),
    )
    .addOption(
      new Option("--speed <speed>", "by the times between the entries: original, so many times as fast, or max")
        .default("original" satisfies Speed)
        .argParser(parseSpeed),
    )
    .option("--time <field>", "of lines of JSON: the field with the time, such as meta.at (default: time)")
    .option("--key <field>", "of lines of JSON: the field whose value is the ordering key")
    .option("--symbol <symbol>", "of LOBSTER orders; their file has it in its name")
    .option(
      "--from-line <number>",
      "of other files than recordings: begin there, where an earlier import ended",
      parseWhole,
    )
    .option(...maxLineBytesOption)
    .option("--skip-invalid", "leave out what cannot be read; without it nothing is imported then")
    .option("--live", "into a namespace that is in use")
    .option("-y, --yes", "do not ask")
    .action(async (file: string, _options: object, self: Command) => {
      const options = self.optsWithGlobals<ImportCommandOptions>();
      const signal = stopSignal();
      const format = options.format ?? formatOf(file);
      refuseStray(self, format, options);
      const report = await (format === "recording"
        ? importRecorded(self, file, options, signal)
        : importLines(self, file, format, options, signal));
      if (report === undefined) {
        process.exitCode = 1;
        return;
      }
      await print(options.json === true ? JSON.stringify(report) : textOf(file, report));
      if (!report.isComplete) process.exitCode = 1;
    });
}

interface CommandReport extends ImportReport {
  readonly invalid: number;
  readonly left: number;
}

/** Undefined where the answer was no. */
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
  using progress = openCountProgress(process.stderr, "entries");
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
  format: "ndjson" | "lobster",
  options: ImportCommandOptions,
  signal: AbortSignal,
): Promise<CommandReport | undefined> {
  const { into, speed, skipInvalid = false, fromLine, maxLineBytes, time, symbol } = options;
  if (into === undefined)
    throw new ConfigError("--into <channel> is needed: only a recording says which channels it is of");
  const channel = channelOf(into, options);
  const parse: LineParser<unknown> = format === "lobster" ? lobsterLine(file, symbol) : ndjsonLine(time);
  await using backbone = await backboneFor(command, options, [into], 1);
  if (backbone === undefined) return undefined;
  const invalid = invalidLines();
  using progress = openCountProgress(process.stderr, "entries");
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

/** Undefined where the answer was no. */
async function backboneFor(
  command: Command,
  options: ImportCommandOptions,
  channels: readonly string[],
  partitions: number,
): Promise<Backbone | undefined> {
  const { url, namespace } = options;
  const tls = tlsFromEnv(process.env);
  await using inspector = openInspector({ url, tls, namespace, log: stderrLog });
  const catalogue = await inspector.catalogue();
  const into = `${channels.join(", ")} of namespace "${namespace}"`;
  if (
    (await isLive(inspector, channels)) &&
    !(await mayWriteLive(command, `This appends to ${into}, whose components will handle it.`, options))
  ) {
    return undefined;
  }
  return connectBackbone({
    url,
    namespace,
    partitions: catalogue?.partitions ?? partitions,
    log: stderrLog,
    ...(tls === undefined ? {} : { tls }),
  });
}

/** A channel that was only ever written by hand stands in a namespace without a description. */
async function isLive(inspector: Inspector, channels: readonly string[]): Promise<boolean> {
  const catalogue = await inspector.catalogue();
  if (catalogue !== undefined) return catalogue.shadowOf === undefined;
  const facts = await Promise.all(channels.map((channel) => inspector.streamFacts({ channel, partition: 0 })));
  return facts.some((one) => one !== undefined);
}

/** Those whose rules are known here; any other takes whatever is JSON. */
function channelOf(name: string, { key }: ImportCommandOptions): Channel<unknown> {
  const known: readonly Channel<unknown>[] = [clientOrders, exchangeOrders, fills, executions];
  const found = known.find((channel) => channel.name === name);
  if (found !== undefined && key !== undefined) {
    throw new ConfigError(`channel "${name}" has its own ordering key: --key is for channels that are not known here`);
  }
  if (found !== undefined) return found;
  if (key === undefined) return defineChannel({ name, schema: z.unknown() });
  const path = key.split(".");
  return defineChannel<unknown>({
    name,
    schema: z.unknown(),
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
  if (left > 0) parts.push(`left out as no order: ${left.toLocaleString("en-US")}`);
  if (invalid > 0) parts.push(`left out as invalid: ${invalid.toLocaleString("en-US")}`);
  const end = isComplete ? "." : `, interrupted after line ${line}.`;
  return `${escaped(file)}: ${parts.join(", ")}${end}`;
}

function formatOf(file: string): (typeof formats)[number] {
  return /\.csv(\.gz|\.zst)?$/i.test(file) ? "lobster" : "recording";
}

const strays = {
  time: ["ndjson"],
  key: ["ndjson"],
  symbol: ["lobster"],
  fromLine: ["ndjson", "lobster"],
} as const satisfies Partial<Record<keyof ImportCommandOptions, readonly (typeof formats)[number][]>>;

function refuseStray(command: Command, format: (typeof formats)[number], options: ImportCommandOptions): void {
  for (const [name, allowed] of Object.entries(strays)) {
    if (options[name as keyof typeof strays] === undefined || allowed.some((one) => one === format)) continue;
    const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    command.error(`error: ${option} is not for a file of format ${format}`, { exitCode: 2 });
  }
}

function parseSpeed(text: string): Speed {
  if (text === "original" || text === "max") return text;
  const factor = /^\d*\.?\d+$/.test(text) ? Number(text) : 0;
  if (factor > 0) return factor;
  throw new InvalidArgumentError("It must be original, max, or a number above 0, such as 10.");
}
