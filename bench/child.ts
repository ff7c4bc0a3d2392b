/** Awaits the answers and the end of a forked process. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Resolves with the process's next message. @throws when the process ends first; `what` names it */
export function nextAnswer<T>(child: ChildProcess, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const answered = (answer: unknown): void => {
      child.off("exit", ended);
      resolve(answer as T);
    };
    const ended = (code: number | null, signal: string | null): void => {
      child.off("message", answered);
      reject(new Error(`${what} ended with ${code ?? signal}`));
    };
    child.once("message", answered).once("exit", ended);
  });
}

/** Disconnects from the process, which is its sign to end, and resolves when it has ended. */
export async function leave(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  if (child.connected) child.disconnect();
  await ended;
}
