/** Throughline with several members of one component, a process each. */

import { type ChildProcess, fork } from "node:child_process";
import { Redis } from "ioredis";
import { nextAnswer } from "../../child.ts";
import type { Contender } from "../../contender.ts";
import type { MemberAnswer, MemberTask } from "../../member.ts";
import { componentName, stream } from "./common.ts";

/** The member processes. They serve all rounds, and end with this process. */
const members: ChildProcess[] = [];

async function tell(member: ChildProcess, task: MemberTask): Promise<MemberAnswer> {
  member.send(task);
  const answer = await nextAnswer<MemberAnswer>(member, "a member");
  if ("error" in answer) throw new Error(`a member: ${answer.error}`);
  return answer;
}

/** Resolves when the group has read the whole stream and settled all of it. */
async function whenDone(client: Redis): Promise<void> {
  for (;;) {
    // The reply describes a group as names and values in turn.
    const [group] = (await client.xinfo("GROUPS", stream)) as unknown[][];
    if (group?.[group.indexOf("lag") + 1] === 0 && group[group.indexOf("pending") + 1] === 0) return;
  }
}

export const membering: Contender["works"] = {
  members: async ({ url, count, shape, meter }) => {
    const wanted = shape.members ?? 1;
    while (members.length < wanted) {
      members.push(fork(new URL("../../member.ts", import.meta.url), [], { execArgv: process.execArgv }));
    }
    const used = members.slice(0, wanted);
    const client = new Redis(url, { protocol: 2 });
    await Promise.all(used.map((member) => tell(member, { task: "connect", url })));
    // The group exists before the members, so that the first to come does not read alone.
    await client.xgroup("CREATE", stream, componentName, "0");
    await meter.ready();
    meter.begin();
    await Promise.all(used.map((member) => tell(member, { task: "run" })));
    await whenDone(client);
    const sample = await meter.end(count);
    const ends = await Promise.all(used.map((member) => tell(member, { task: "stop" })));
    await client.quit();
    const handled = ends.map((end) => ("handled" in end ? end.handled : 0));
    const cpuMicros = ends.reduce((sum, end) => sum + ("cpuMicros" in end ? end.cpuMicros : 0), 0);
    const total = handled.reduce((sum, one) => sum + one, 0);
    if (total < count) throw new Error(`${total} of ${count} events were handled`);
    return { ...sample, clientMicros: cpuMicros / count, leastShare: (Math.min(...handled) * wanted) / total };
  },
};
