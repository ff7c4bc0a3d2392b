/** What a replica says of its link to its primary. */

import type { Redis } from "ioredis";

/** Whether it has what its primary had when they met, and follows it. */
export async function isLinked(replica: Pick<Redis, "info">): Promise<boolean> {
  return (await replica.info("replication")).includes("master_link_status:up");
}
