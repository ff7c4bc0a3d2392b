/** The components whose handlers the command line can run: those of the trading pipeline by name, and anybody's from a module. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { algorithmSubscriptions } from "../../consumers/algorithm/index.ts";
import { openRecordedExchange, orderSenderSubscriptions } from "../../consumers/order-sender/index.ts";
import { orderManagerSubscriptions } from "../../producers/order-manager/index.ts";
import { type Channel, ConfigError, type Subscription } from "../index.ts";
import { clientOrders, exchangeOrders, executions, fills } from "../orders/index.ts";
import type { ReplaySource } from "../replay.ts";

/** As given with `--set name=value`; a value that reads as JSON is that value. */
export type Settings = Readonly<Record<string, unknown>>;

type Subscriptions = readonly Subscription[] | Promise<readonly Subscription[]>;

export interface ReplayableComponent {
  /** Channels that it publishes to. */
  readonly outputs: readonly Channel<unknown>[];
  /** The handlers as they run live. `source`: for what stands in for the world outside. @throws {ConfigError} */
  subscriptions(source: ReplaySource, settings: Settings): Subscriptions;
}

/** Channels whose events' correlation is known here. */
export const knownChannels: readonly Channel<unknown>[] = [clientOrders, exchangeOrders, fills, executions];

const trading: Readonly<Record<string, ReplayableComponent>> = {
  algorithm: {
    outputs: [exchangeOrders, executions],
    subscriptions: (_source, settings) => algorithmSubscriptions(only(settings, ["maxSliceQuantity", "exchange"])),
  },
  // It must reach no exchange: the recorded one answers.
  "order-sender": {
    outputs: [fills],
    subscriptions: async (source, settings) => {
      only(settings, []);
      return orderSenderSubscriptions(await openRecordedExchange(source));
    },
  },
  "order-manager": {
    outputs: [],
    subscriptions: (_source, settings) => {
      only(settings, []);
      return orderManagerSubscriptions();
    },
  },
};

/** @throws {ConfigError} on a name that none of them has */
export function tradingComponent(name: string): ReplayableComponent {
  const found = Object.hasOwn(trading, name) ? trading[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(trading).join(", ");
  throw new ConfigError(`there is no component "${name}" here (${names}): --module FILE runs the handlers of your own`);
}

/**
 * A module that exports `subscriptions`, a list or a function of the source and the settings that gives one, and, where they are to be
 * written to a file, the channels that it publishes to as `outputs`. @throws {ConfigError}
 */
export async function componentOfModule(file: string): Promise<ReplayableComponent> {
  const module: unknown = await import(pathToFileURL(resolve(file)).href).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`the module ${file} cannot be loaded: ${reason}`, { cause });
  });
  const { subscriptions, outputs = [] } = module as { readonly subscriptions?: unknown; readonly outputs?: unknown };
  if (!isList<Channel<unknown>>(outputs, "schema")) throw new ConfigError(`${file}: outputs is no list of channels`);
  return {
    outputs,
    subscriptions: async (source, settings) => {
      const isMade = typeof subscriptions === "function";
      const given: unknown = isMade ? await subscriptions(source, settings) : subscriptions;
      if (!isMade) only(settings, []);
      if (isList<Subscription>(given, "handling") && given.length > 0) return given;
      throw new ConfigError(
        `${file} exports no \`subscriptions\`: a list of what \`on(channel, handler)\` gives, or a function of it`,
      );
    },
  };
}

/** @throws {ConfigError} on a setting that has no such name */
function only(settings: Settings, names: readonly string[]): Settings {
  const unknown = Object.keys(settings).find((name) => !names.includes(name));
  if (unknown === undefined) return settings;
  const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  throw new ConfigError(`the component has no setting "${unknown}": ${known}`);
}

function isList<T extends object>(value: unknown, mark: keyof T & string): value is readonly T[] {
  return Array.isArray(value) && value.every((one) => typeof one === "object" && one !== null && mark in one);
}
