/**
 * Finds the components whose handlers the command line can run: by name those of its plug-in, and any other in a
 * module.
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { InvalidArgumentError, Option } from "commander";
import type { Subscription } from "../consume/subscription.ts";
import type { Channel } from "../model/channel.ts";
import { messageOf } from "../model/error-message.ts";
import { ConfigError } from "../model/errors.ts";
import type { Extension, ReplayableComponent, Settings } from "./plug-in.ts";

/** The plug-in's component of this name. @throws {ConfigError} when it has none */
export function componentOf({ components = {} }: Extension, name: string): ReplayableComponent {
  const found = Object.hasOwn(components, name) ? components[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(components);
  const known = names.length === 0 ? "" : ` (${names.join(", ")})`;
  throw new ConfigError(`there is no component "${name}" here${known}: --module FILE runs the handlers of your own`);
}

/**
 * A component in a module. It exports `subscriptions`: a list, or a function of the source and the settings that
 * returns one. With a file to write, it also exports `outputs`, the channels that it publishes to.
 * @throws {ConfigError}
 */
export async function componentOfModule(file: string): Promise<ReplayableComponent> {
  const module: unknown = await import(pathToFileURL(resolve(file)).href).catch((cause: unknown) => {
    const reason = messageOf(cause);
    throw new ConfigError(`the module ${file} cannot be loaded: ${reason}`, { cause });
  });
  const { subscriptions, outputs = [] } = module as { readonly subscriptions?: unknown; readonly outputs?: unknown };
  if (!isList<Channel<unknown>>(outputs, "schema")) throw new ConfigError(`${file}: outputs is no list of channels`);
  return {
    outputs,
    subscriptions: async (source, settings) => {
      const isMade = typeof subscriptions === "function";
      const given: unknown = isMade ? await subscriptions(source, settings) : subscriptions;
      if (!isMade) refuseSettings(settings);
      if (isList<Subscription>(given, "handling") && given.length > 0) return given;
      throw new ConfigError(
        `${file} exports no \`subscriptions\`: a list of what \`on(channel, handler)\` gives, or a function of it`,
      );
    },
  };
}

/** Refuses settings for a component that takes none. @throws {ConfigError} */
function refuseSettings(settings: Settings): void {
  const [unknown] = Object.keys(settings);
  if (unknown !== undefined) throw new ConfigError(`the component has no setting "${unknown}": it has none`);
}

function isList<T extends object>(value: unknown, mark: keyof T & string): value is readonly T[] {
  return Array.isArray(value) && value.every((one) => typeof one === "object" && one !== null && mark in one);
}

/** A component's handlers in a module, as `--module name=file` names them. */
export interface ComponentModule {
  readonly component: string;
  readonly file: string;
}

/** The option by which commands that run handlers of several components take modules. */
export function moduleOption(): Option {
  return new Option(
    "--module <name=file>",
    "a component's handlers, a module that exports its `subscriptions`, for its state over time; may be given again",
  ).argParser(parseModule);
}

function parseModule(text: string, before: readonly ComponentModule[] = []): readonly ComponentModule[] {
  const [, component, file] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (component === undefined || file === undefined) throw new InvalidArgumentError("It must be name=file.");
  return [...before, { component, file }];
}

/** Loads the handlers of modules, by component. @throws {ConfigError} */
export async function modulesOf(
  modules: readonly ComponentModule[],
): Promise<Readonly<Record<string, ReplayableComponent>>> {
  const loaded: Record<string, ReplayableComponent> = {};
  for (const { component, file } of modules) loaded[component] = await componentOfModule(file);
  return loaded;
}
