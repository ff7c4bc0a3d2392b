/** Plug-ins of the command line: what an application adds to it, so that its own components and files are known by name. */

import type { Option } from "commander";
import type { Subscription } from "../consume/subscription.ts";
import type { Channel } from "../model/channel.ts";
import type { LineParser } from "../replay/recording/import-file.ts";
import type { ReplaySource } from "../replay/source/source.ts";

/** As given with `--set name=value`; a value that reads as JSON is that value. */
export type Settings = Readonly<Record<string, unknown>>;

/** A component whose handlers `replay --component` can run. */
export interface ReplayableComponent {
  /** Channels that it publishes to. */
  readonly outputs: readonly Channel<unknown>[];
  /** The handlers as they run live. `source`: for what stands in for the world outside. @throws {ConfigError} */
  subscriptions(source: ReplaySource, settings: Settings): readonly Subscription[] | Promise<readonly Subscription[]>;
}

/** A format of files that `import` reads line by line. */
export interface LineFormat {
  /** Files with such names are of it unless `--format` says otherwise. */
  readonly fileName?: RegExp;
  /** Options of its own. */
  readonly options?: readonly Option[];
  /** The parser of one file. `options`: the values of its own options, by their attribute names. @throws {ConfigError} */
  parse(file: string, options: Readonly<Record<string, unknown>>): LineParser<unknown>;
}

/** Everything of a plug-in that only some commands need. */
export interface Extension {
  readonly components?: Readonly<Record<string, ReplayableComponent>>;
  /** Channels whose schema, key and correlation are known. */
  readonly channels?: readonly Channel<unknown>[];
  /** By the names that `--format` takes. */
  readonly lineFormats?: Readonly<Record<string, LineFormat>>;
}

export interface PlugIn {
  /** The namespace when neither `--namespace` nor `NAMESPACE` is given. Without a default one of them must be. */
  readonly namespace?: string;
  /** Called by the commands that need it, so that the others start without loading it. */
  readonly load?: () => Promise<Extension>;
}

/** Loads a plug-in's extension when a command asks for it. */
export type LoadExtension = () => Promise<Extension>;
