/** How far a component has come, by the server's own data: what is unfinished, and who owns what. */

import { keyOf } from "../../src/memory/keyspace.ts";
import { type Row, rowOf } from "../../src/memory/row.ts";
import type { MemoryServer } from "../../src/memory/server.ts";
import { compareIds } from "../../src/model/entry-ids.ts";
import type { Watched } from "./effects.ts";

export function isFinished(server: MemoryServer, { name, inputs }: Watched, partitions: number): boolean {
  for (let partition = 0; partition < partitions; partition++) {
    const row = rowOf(server, { component: name, partition });
    for (const channel of inputs) if (!isFinishedOn(server, row, name, partition, channel)) return false;
  }
  return true;
}

function isFinishedOn(
  server: MemoryServer,
  row: Row | undefined,
  component: string,
  partition: number,
  channel: string,
): boolean {
  const position = row?.positions.get(channel);
  if (position !== undefined && position.open.length > 0) return false;
  const stream = server.keys.stream(keyOf.stream(partition, channel));
  if (stream === undefined) return true;
  if ((stream.groups.get(component)?.pending.size ?? 0) > 0) return false;
  const newest = stream.entries.at(-1);
  return newest === undefined || compareIds(newest.id, position?.at ?? "0-0") <= 0;
}

/** Whether every partition has an owner that lives, and nobody more than its share. */
export function isShared(
  server: MemoryServer,
  { name }: Watched,
  partitions: number,
  living: readonly string[],
): boolean {
  const fair = Math.ceil(partitions / living.length);
  const owned = new Map<string, number>();
  for (let partition = 0; partition < partitions; partition++) {
    const [owner = ""] = rowOf(server, { component: name, partition })?.owner.split("/", 1) ?? [];
    const count = (owned.get(owner) ?? 0) + 1;
    if (count > fair || !living.includes(owner)) return false;
    owned.set(owner, count);
  }
  return true;
}

/** A line for each channel of a partition. */
export function unfinishedOf(server: MemoryServer, { name, inputs }: Watched, partitions: number): readonly string[] {
  const found: string[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const row = rowOf(server, { component: name, partition });
    for (const channel of inputs) {
      if (isFinishedOn(server, row, name, partition, channel)) continue;
      const stream = server.keys.stream(keyOf.stream(partition, channel));
      const position = row?.positions.get(channel);
      const open = position?.open.map(({ id }) => id).join(" ");
      const pending = [...(stream?.groups.get(name)?.pending.keys() ?? [])].join(" ");
      const newest = stream?.entries.at(-1)?.id;
      found.push(
        `${channel} of partition ${partition} for ${name} at ${position?.at} of ${newest}, open ${open}, pending ${pending}`,
      );
    }
  }
  return found;
}
