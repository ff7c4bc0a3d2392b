/** Judges the hello of a client: which sessions are opened, and why others are not. */

import type { SessionFence } from "./commands.ts";
import type { VenueCore } from "./core.ts";
import { type Hello, protocolVersion, type RefusalCode } from "./protocol.ts";

export interface Refusal {
  readonly code: RefusalCode;
  readonly reason: string;
}

/** Most sessions that the venue keeps. */
const maxSessions = 4_096;

export const helloTwice: Refusal = { code: "garbage", reason: "a connection says hello once" };

export function refusalOf(hello: Hello, core: VenueCore): Refusal | undefined {
  const { protocol, client, partition, direction, fence, journal, from = 1 } = hello;
  if (protocol !== protocolVersion) {
    return { code: "garbage", reason: `this venue speaks version ${protocolVersion} of the protocol, not ${protocol}` };
  }
  if (journal !== undefined && journal !== core.journalId) {
    return {
      code: "journal",
      reason: `the client has reports of journal ${journal}, and this venue's is ${core.journalId}`,
    };
  }
  const isKnown = core.knows(client, partition);
  if (!isKnown && core.sessionCount >= maxSessions) {
    return { code: "full", reason: `the venue keeps no more than ${maxSessions} sessions` };
  }
  const session = isKnown ? core.session(client, partition) : undefined;
  const last = session === undefined ? 0 : core.released(session).reports;
  if (from > last + 1) {
    return {
      code: "future",
      reason: `the client wants report ${from}, and the venue has given ${last} to this session`,
    };
  }
  const known = session?.fences[direction];
  if (known === undefined || !isFormer(fence, known)) return undefined;
  return {
    code: "fenced",
    reason:
      `the session belongs to epoch ${known.epoch}` +
      (fence.epoch < known.epoch ? `, and this client comes with ${fence.epoch}` : " with another token"),
  };
}

/** True for the fence of a former owner. */
function isFormer(fence: SessionFence, known: SessionFence): boolean {
  return fence.epoch < known.epoch || (fence.epoch === known.epoch && fence.token !== known.token);
}
