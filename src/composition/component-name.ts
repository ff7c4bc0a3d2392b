/** A component's name belongs to one set of channels: two of a name would share a group, and each starve the other's channels. */

import { ConfigError } from "../model/errors.ts";

/**
 * Refuses channels of which some are missing while others are new. A rolling deploy adds channels, or drops some, and its rollback the
 * other way round. @throws {ConfigError}
 */
export function refuseOtherChannels(name: string, own: readonly string[], running: readonly string[]): void {
  const missing = running.filter((channel) => !own.includes(channel));
  const added = own.filter((channel) => !running.includes(channel));
  if (missing.length === 0 || added.length === 0) return;
  throw new ConfigError(
    `component "${name}" runs already, with other channels: it consumes ${listOf(missing)}, and this one does not, which consumes ` +
      `${listOf(added)}. Give one of them another name; a deploy may add channels or drop some, not both while the old one runs`,
  );
}

/** Names beyond these are counted. */
const maxNamed = 5;

function listOf(channels: readonly string[]): string {
  const named = channels.slice(0, maxNamed).map((channel) => `"${channel}"`);
  const more = channels.length - named.length;
  return `${named.join(", ")}${more === 0 ? "" : ` and ${more} more`}`;
}
