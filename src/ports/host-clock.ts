/** The clock and the randomness that every process has. */

import { randomBytes } from "node:crypto";
import type { Chance, Clock } from "./clock.ts";

export const hostClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after: (ms, run) => {
    const due = performance.now() + ms;
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer = setTimeout(() => {
        // Node's own timers may fire up to a millisecond early by the monotonic clock.
        const missing = due - performance.now();
        if (missing > 0) wait(missing);
        else run();
      }, Math.ceil(left));
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
  soon: (run) => void setImmediate(run),
};

export const hostChance: Chance = {
  number: () => Math.random(),
  token: () => randomBytes(9).toString("base64url"),
};
