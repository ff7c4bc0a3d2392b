/** The status of owners and members: of components, and of sources. */

import { isLiving } from "../../model/liveness.ts";
import type { MemberFacts, OwnerFacts } from "../../ports/inspect.ts";

/** The owner of a component's partition. */
export interface OwnerStatus {
  readonly member: string;
  readonly live: boolean;
  /** The number of the ownership, which grows with each one: what handlers get as their fence. */
  readonly epoch: number;
  /** Start of the ownership, epoch ms. */
  readonly since: number;
  /** The member that the partition is to be handed to; null where it stays. */
  readonly wanted: string | null;
  /** Owners that died since the position last moved: where there are several, an entry may be killing them. */
  readonly deaths: number;
}

/** One member of a component: it lives, or died lately. */
export interface MemberStatus {
  readonly component: string;
  readonly member: string;
  /** Last heartbeat, epoch ms; null for an owner without one. */
  readonly lastSeenAt: number | null;
  readonly live: boolean;
  /** The partitions that the member owns; where it lives and owns none, it stands by. */
  readonly owned: readonly number[];
  /** The host and process id that the member has given; null where they are unknown. */
  readonly host: string | null;
  readonly pid: number | null;
  readonly startedAt: number | null;
}

/** Null where nobody owns the partition. `living`: names of members. */
export function ownerStatus(owner: OwnerFacts | undefined, living: ReadonlySet<string>): OwnerStatus | null {
  if (owner === undefined || owner.member === "") return null;
  const { member, epoch, wanted, deaths } = owner;
  return { member, live: living.has(member), epoch, since: epoch, wanted: wanted === "" ? null : wanted, deaths };
}

/** Members that live or were silent, and owners without a heartbeat. Those that have left are of no interest any more. */
export function memberStatuses(
  component: string,
  known: ReadonlyMap<string, MemberFacts>,
  ownedBy: ReadonlyMap<string, readonly number[]>,
  at: number,
  silentAfterMs: number,
): readonly MemberStatus[] {
  const names = [...known].flatMap(([member, { hasLeft }]) => (hasLeft ? [] : [member]));
  return [...new Set([...names, ...ownedBy.keys()])].sort().map((member) => {
    const facts = known.get(member);
    return {
      component,
      member,
      lastSeenAt: facts?.seenAt ?? null,
      live: facts !== undefined && isLiving(facts, at, silentAfterMs),
      owned: ownedBy.get(member) ?? [],
      ...aboutIn(facts?.about),
    };
  });
}

/** What a member says about itself is for people: another program's text tells nothing. */
function aboutIn(text: string | undefined): Pick<MemberStatus, "host" | "pid" | "startedAt"> {
  let about: unknown;
  try {
    about = JSON.parse(text ?? "null");
  } catch {
    about = null;
  }
  const { host, pid, startedAt } = (about ?? {}) as Record<string, unknown>;
  const started = typeof startedAt === "string" ? Date.parse(startedAt) : Number.NaN;
  return {
    host: typeof host === "string" ? host : null,
    pid: typeof pid === "number" ? pid : null,
    startedAt: Number.isNaN(started) ? null : started,
  };
}
