/** Throughline draining backlogs with one member in a process of its own, whose memory is measured. */

import { type ChildProcess, fork } from "node:child_process";
import { Redis } from "ioredis";
import { Keys } from "../../../src/redis/keys.ts";
import type { Drained } from "../../backlog-member.ts";
import { nextAnswer } from "../../child.ts";
import type { Contender } from "../../contender.ts";
import { fill } from "../../fill.ts";
import { orders } from "../../order.ts";
import { median } from "../../statistics.ts";
import { fieldsOf } from "./common.ts";

/**
 * A member process for each number of drains, so that none has another's garbage. They serve all rounds, and end with
 * this process.
 */
const members = new Map<number, ChildProcess>();

export const draining: Contender["works"] = {
  /** Drains `count` events at a time, each drain in a namespace of its own. */
  drain: async ({ url, count, shape }) => {
    const { drains: wanted = 1 } = shape;
    const member = members.get(wanted) ?? (await startMember(url));
    members.set(wanted, member);
    const client = new Redis(url);
    const drains: Drained[] = [];
    for (let drain = 0; drain < wanted; drain++) {
      const namespace = `drain-${drain}`;
      await fill(client, new Keys(namespace).stream(0, orders.name), count, (i) => fieldsOf(i, shape, 0));
      member.send({ namespace, count });
      drains.push(await nextAnswer<Drained>(member, "the member"));
    }
    await client.quit();
    const quarters = drains.flatMap((drain) => drain.quarters);
    const growths = drains.map((drain) => {
      const [, second, , last] = drain.quarters;
      return (last?.rssMiB ?? Number.NaN) / (second?.rssMiB ?? Number.NaN);
    });
    return {
      perSecond: median(drains.map(({ perSecond }) => perSecond)),
      clientMicros: median(quarters.map(({ cpuMicros }) => cpuMicros)),
      peakRssMiB: Math.max(...quarters.map(({ rssMiB }) => rssMiB)),
      growth: median(growths),
    };
  },
};

async function startMember(url: string): Promise<ChildProcess> {
  const member = fork(new URL("../../backlog-member.ts", import.meta.url), [url], {
    // The flags of the components' own scripts: V8 would otherwise keep a young generation that is larger than all live
    // objects.
    execArgv: [...process.execArgv, "--single-threaded-gc", "--max-semi-space-size=16"],
  });
  await nextAnswer(member, "the member"); // it is ready
  return member;
}
