/** Channels that a module of the user's exports. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Channel, isChannel } from "../model/channel.ts";
import { messageOf } from "../model/error-message.ts";
import { UsageError } from "./usage-error.ts";

/** The channels among a module's exports, and in its exported lists and objects. @throws {UsageError} */
export async function channelsOfModule(file: string): Promise<readonly Channel<unknown>[]> {
  const module: object = await import(pathToFileURL(resolve(file)).href).catch((cause: unknown) => {
    throw new UsageError(`the module ${file} cannot be loaded: ${messageOf(cause)}`, { cause });
  });
  const found = new Map<string, Channel<unknown>>();
  for (const exported of Object.values(module)) {
    const values = isChannel(exported) || typeof exported !== "object" ? [exported] : Object.values(exported ?? {});
    for (const channel of values) {
      if (!isChannel(channel)) continue;
      const other = found.get(channel.name);
      if (other !== undefined && other !== channel)
        throw new UsageError(`${file} defines the channel "${channel.name}" twice: export the one that is deployed`);
      found.set(channel.name, channel);
    }
  }
  return [...found.values()];
}
