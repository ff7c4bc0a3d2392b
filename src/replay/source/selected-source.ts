/** A source of which only some entries are taken. All of its settlements stay, also those of entries left out. */

import { Selection, type SelectionOptions } from "./selection.ts";
import type { ReplayLine, ReplaySource } from "./source.ts";

/** Restricts a source. @throws {ConfigError} on invalid options */
export function selected(source: ReplaySource, options: SelectionOptions): ReplaySource {
  const isAll = Object.values(options).every((option) => option === undefined);
  if (isAll) return source;
  new Selection(options); // throws on invalid options before anything is read
  return {
    name: source.name,
    namespace: source.namespace,
    partitions: source.partitions,
    channels: source.channels.filter((channel) => options.channels?.includes(channel) ?? true),
    async *lines(signal?: AbortSignal): AsyncGenerator<ReplayLine, void, undefined> {
      const selection = new Selection(options);
      for await (const line of source.lines(signal)) {
        if (line.kind === "settlement" || selection.take(line.entry) === "taken") yield line;
      }
    },
  };
}
