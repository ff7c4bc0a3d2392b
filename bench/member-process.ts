/** A member of a component in a process of its own, as whoever drives it sees it. */

import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import type { Backbone } from "../src/index.ts";
import { nextAnswer } from "./child.ts";
import type { MemberAnswer, MemberTask } from "./member.ts";

/** Starts the process, which ends with this one. */
export function startMember(): ChildProcess {
  return fork(new URL("./member.ts", import.meta.url), [], { execArgv: process.execArgv });
}

/** Resolves with the member's answer. @throws the member's error, or when its process ends */
export async function tell(member: ChildProcess, task: MemberTask): Promise<MemberAnswer> {
  member.send(task);
  const answer = await nextAnswer<MemberAnswer>(member, "a member");
  if ("error" in answer) throw new Error(`a member: ${answer.error}`);
  return answer;
}

/** The owner of each partition of the one component, by the partition's number; undefined where there is none. */
export async function ownersOf(backbone: Pick<Backbone, "status">): Promise<readonly (string | undefined)[]> {
  const { components } = await backbone.status();
  return components.toSorted((a, b) => a.partition - b.partition).map(({ owner }) => owner?.member);
}

/** Resolves when so many members have shared so many partitions among them: each has its part, or stands by where there are fewer. */
export async function whenShared(
  backbone: Pick<Backbone, "status">,
  { members, partitions }: { readonly members: number; readonly partitions: number },
): Promise<void> {
  for (;;) {
    const owners = await ownersOf(backbone);
    const shares = new Map<string | undefined, number>();
    for (const owner of owners) shares.set(owner, (shares.get(owner) ?? 0) + 1);
    const sizes = [...shares.values()];
    const isShared =
      owners.length === partitions &&
      !shares.has(undefined) &&
      sizes.length === Math.min(members, partitions) &&
      Math.max(...sizes) - Math.min(...sizes) <= 1;
    if (isShared) return;
    await delay(50);
  }
}
