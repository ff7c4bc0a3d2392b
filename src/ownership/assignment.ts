/** Which member should own which partition: bounded-load rendezvous hashing, so that all who see the same members say the same. */

/** The members by partition. Each has the floor or the ceiling of its share; empty without members. */
export function assign(members: readonly string[], partitions: number): readonly string[] {
  const least = Math.floor(partitions / members.length);
  let larger = partitions % members.length;
  const pairs = members.flatMap((member) =>
    Array.from({ length: partitions }, (_, partition) => ({ member, partition, weight: weightOf(member, partition) })),
  );
  pairs.sort((a, b) => b.weight - a.weight || (a.member < b.member ? -1 : 1));
  const loads = new Map<string, number>();
  const owners: string[] = [];
  for (const { member, partition } of pairs) {
    const load = loads.get(member) ?? 0;
    if (owners[partition] !== undefined || load > least || (load === least && larger === 0)) continue;
    if (load === least) larger--;
    loads.set(member, load + 1);
    owners[partition] = member;
  }
  return owners;
}

/** FNV-1a, mixed once more: its high bits hardly depend on a text's last characters. */
function weightOf(member: string, partition: number): number {
  let hash = 0x811c9dc5;
  for (const character of `${partition}/${member}`)
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
