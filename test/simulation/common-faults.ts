/** What can go wrong with members of any kind, their connections and their server, each as something that happens to them. */

import type { PlannedFault } from "./fault-plan.ts";
import type { Stage, StageMember } from "./stage.ts";

/** False: it is none of those that happen to members of any kind in the same way. */
export function applyCommonFault<M extends StageMember, F extends PlannedFault<string>>(
  stage: Stage<M, F>,
  { kind, which, ms }: F,
): boolean {
  const { world, network, conditions, server, living } = stage;
  const member = living[which % Math.max(1, living.length)];
  conditions.say(() => `fault ${kind} ${ms}`);
  switch (kind) {
    case "join":
      if (living.length < 4) stage.join();
      return true;
    case "leave":
      if (member !== undefined) stage.leave(member);
      if (living.length < 3) stage.join();
      return true;
    case "kill":
      if (member !== undefined) stage.kill(member.host);
      return true;
    case "stop":
    case "suspend":
      member?.host.stop(kind === "suspend");
      world.after(ms, () => member?.host.goOn());
      return true;
    case "wallClock":
      // Nobody can tell a suspension whose traces are gone from both clocks.
      if (member !== undefined && !member.host.isStopped) member.host.wallErrorMs += ms;
      return true;
    case "cut":
      network.cut(member?.host, which % 2 === 0);
      return true;
    case "cutAll":
      network.cut(undefined, which % 2 === 0);
      return true;
    case "unreachable":
      if (member === undefined) return true;
      network.setReachable(member.host, false);
      world.after(ms, () => network.setReachable(member.host, true));
      return true;
    case "still":
      network.stillUntil = world.now + ms;
      return true;
    case "full":
      server.isFull = true;
      world.after(ms, () => {
        server.isFull = false;
      });
      return true;
    case "serverClock":
      stage.serverErrorMs += ms;
      if (ms < 0) conditions.isClockBack = true;
      return true;
    default:
      return false;
  }
}

type Anywhere = Pick<Stage<StageMember, PlannedFault<string>>, "server" | "world" | "conditions">;

/** Something else stands under a key for a while. */
export function spoil({ server, world, conditions }: Anywhere, key: string, ms: number): void {
  if (conditions.isBlind) return;
  const restore = server.keys.spoil(key);
  conditions.isBlind = true;
  world.after(ms, () => {
    restore();
    conditions.isBlind = false;
  });
}

/** A key may not be touched for a while. */
export function forbid({ server, world, conditions }: Anywhere, key: string, ms: number): void {
  if (conditions.isBlind) return;
  server.keys.forbidden.add(key);
  conditions.isBlind = true;
  world.after(ms, () => {
    server.keys.forbidden.delete(key);
    conditions.isBlind = false;
  });
}
