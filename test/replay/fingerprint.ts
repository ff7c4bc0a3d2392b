/** All keys of a namespace with digests of their values, and which of them have changed since. */

import { createHash } from "node:crypto";
import type { Opened } from "../support/backbone.ts";

/** Keys that go by themselves within this time, such as BullMQ's locks, are left out. */
const shortLivedMs = 600_000;

export async function fingerprint({ client, backbone }: Opened): Promise<ReadonlyMap<string, string>> {
  const keys = new Set<string>();
  for await (const page of client.scanStream({ match: `*${backbone.namespace}*`, count: 1_000 })) {
    for (const key of page as string[]) keys.add(key);
  }
  const digests = await Promise.all(
    [...keys].map(async (key) => {
      const [value, leftMs] = await Promise.all([client.dumpBuffer(key), client.pttl(key)]);
      const isShortLived = value === null || (leftMs >= 0 && leftMs < shortLivedMs);
      return isShortLived ? [] : [[key, createHash("sha256").update(value).digest("hex")] as const];
    }),
  );
  return new Map(digests.flat());
}

/** Keys that are new, gone, or hold something else. */
export function changedKeys(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key));
}
