/** What waits in the relays of a slice, by the row of its owner and the relays' streams. */

import type { RelayFacts } from "../../ports/inspect.ts";
import type { Keys } from "../keys.ts";
import type { Row } from "./follower.ts";

/** Most outputs that are counted, for each other partition: each may be large, and they are counted by reading them. */
const maxCounted = 1_000;
const pageSize = 100;

type Ask = (command: string, ...args: readonly string[]) => Promise<unknown>;

export async function relayFacts(
  keys: Keys,
  ask: Ask,
  partition: number,
  component: string,
  partitions: number,
): Promise<readonly RelayFacts[]> {
  const others = Array.from({ length: partitions }, (_, to) => to).filter((to) => to !== partition);
  if (others.length === 0) return [];
  const row = keys.owner(partition, component);
  const moved = (await ask("HMGET", row, ...others.map((to) => `moved:${to}`))) as readonly (string | null)[];
  const facts = await Promise.all(
    others.map((to, i) => waitingIn(ask, keys.relay(partition, component, to), moved[i] ?? "0-0", to)),
  );
  return facts.filter((one) => one !== undefined);
}

/** Undefined where nothing waits, as mostly. */
async function waitingIn(ask: Ask, relay: string, moved: string, to: number): Promise<RelayFacts | undefined> {
  const [oldest] = (await ask("XRANGE", relay, `(${moved}`, "+", "COUNT", "1")) as readonly Row[];
  if (oldest === undefined) return undefined;
  const [oldestId, fields] = oldest;
  const found = { to, oldestId, channel: fields?.[1] ?? "" };
  let outputs = 1;
  for (let after = oldestId; outputs < maxCounted; ) {
    const page = (await ask("XRANGE", relay, `(${after}`, "+", "COUNT", String(pageSize))) as readonly Row[];
    outputs += page.length;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return { ...found, outputs, exact: true };
    after = last[0];
  }
  return { ...found, outputs, exact: false };
}
