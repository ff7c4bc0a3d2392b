/** Plug-ins of the command line: an application adds its own components and file formats by name. */

import type { Option } from "commander";
import type { Subscription } from "../consume/subscription.ts";
import type { Channel } from "../model/channel.ts";
import type { LineParser } from "../replay/recording/import-file.ts";
import type { ReplaySource } from "../replay/source/source.ts";

/** The values of `--set name=value`; a value that reads as JSON is parsed. */
export type Settings = Readonly<Record<string, unknown>>;

/** A component whose handlers `replay --component` can run. */
export interface ReplayableComponent {
  /** The channels that the component publishes to. */
  readonly outputs: readonly Channel<unknown>[];
  /**
   * The handlers as they run live. `source`: the record, from which substitutes for the world outside answer.
   * @throws {ConfigError}
   */
  subscriptions(source: ReplaySource, settings: Settings): readonly Subscription[] | Promise<readonly Subscription[]>;
}

/** A format of files that `import` reads line by line. */
export interface LineFormat {
  /** Files of such names have this format unless `--format` names another. */
  readonly fileName?: RegExp;
  /** The format's own options. */
  readonly options?: readonly Option[];
  /**
   * Makes the parser of one file. `options`: the values of the format's own options, by their attribute names.
   * @throws {ConfigError}
   */
  parse(file: string, options: Readonly<Record<string, unknown>>): LineParser<unknown>;
}

/** The parts of a plug-in that only some commands need. */
export interface Extension {
  readonly components?: Readonly<Record<string, ReplayableComponent>>;
  /** Channels with their schema, key and correlation. */
  readonly channels?: readonly Channel<unknown>[];
  /** Formats by their names for `--format`. */
  readonly lineFormats?: Readonly<Record<string, LineFormat>>;
}

export interface PlugIn {
  /**
   * The namespace when neither `--namespace` nor `NAMESPACE` is given. Without this default one of them must be given.
   */
  readonly namespace?: string;
  /** Loads the extension. Only commands that need it call this, so that the others start without it. */
  readonly load?: () => Promise<Extension>;
}

/** Loads a plug-in's extension when a command asks for it. */
export type LoadExtension = () => Promise<Extension>;
