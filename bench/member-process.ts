/** A member of a component in a process of its own, as whoever drives it sees it. */

import { type ChildProcess, fork } from "node:child_process";
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
