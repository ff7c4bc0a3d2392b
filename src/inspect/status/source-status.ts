/** The status of sources: who runs them, and how far each has read its outside system. */

import { isLiving } from "../../model/liveness.ts";
import { sliceOfSource } from "../../model/source-names.ts";
import type { Catalogue, Inspector } from "../../ports/inspect.ts";
import { type MemberStatus, memberStatuses, type OwnerStatus, ownerStatus } from "./member-status.ts";
import { type RelayStatus, readRelays } from "./relay-status.ts";

/** The status of one source in one partition. */
export interface SourceStatus {
  readonly source: string;
  /** The channel that it appends to. */
  readonly channel: string;
  readonly partition: number;
  /** Null where nobody owns the partition. */
  readonly owner: OwnerStatus | null;
  /** Living members that do not own the partition, sorted. */
  readonly standBy: readonly string[];
  /** Where the outside system was read up to, in its own words; null before the first append. */
  readonly position: string | null;
  /** When the position was written, epoch ms on its writer's clock. */
  readonly positionAt: number | null;
  /** Appends that wait to be moved to partitions at other nodes, on a cluster; a few for a moment are usual. */
  readonly relays: readonly RelayStatus[];
}

/** Reads the sources that the namespace describes, and their members under the names of their slices, such as `source/venue`. */
export async function readSources(
  inspector: Inspector,
  { partitions, sources: described }: Catalogue,
  at: number,
  silentAfterMs: number,
): Promise<{ readonly sources: readonly SourceStatus[]; readonly members: readonly MemberStatus[] }> {
  const sources: SourceStatus[] = [];
  const members: MemberStatus[] = [];
  for (const [source, { channel, isSingle }] of described) {
    const slice = sliceOfSource(source);
    const known = await inspector.members(slice);
    const living = new Set([...known].flatMap(([name, one]) => (isLiving(one, at, silentAfterMs) ? [name] : [])));
    const ownedBy = new Map<string, number[]>();
    for (let partition = 0; partition < (isSingle ? 1 : partitions); partition++) {
      const owner = ownerStatus(await inspector.owner(partition, slice), living);
      if (owner !== null) ownedBy.set(owner.member, [...(ownedBy.get(owner.member) ?? []), partition]);
      const saved = await inspector.sourcePosition(partition, source);
      sources.push({
        source,
        channel,
        partition,
        owner,
        standBy: [...living].filter((name) => name !== owner?.member).sort(),
        position: saved?.position ?? null,
        positionAt: saved?.at ?? null,
        relays: await readRelays(inspector, partition, slice, { partitions, at }),
      });
    }
    members.push(...memberStatuses(slice, known, ownedBy, at, silentAfterMs));
  }
  return { sources, members };
}
