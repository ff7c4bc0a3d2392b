/** What happens to a server's container, and a load that goes through it. */

import { open } from "../support/backbone.ts";
import { eventually } from "../support/eventually.ts";
import { copier, Load } from "./load.ts";
import type { Server } from "./server.ts";

/** By what has happened to the container. */
export const faults: Readonly<
  Record<string, (server: Server, load: Load, isAway: () => Promise<unknown>) => Promise<void>>
> = {
  "killed and started again": async (server, load) => {
    for (let time = 0; time < 2; time++) {
      await server.kill();
      await server.start();
      await load.goOn(100);
    }
  },
  "stopped in good order and started again": async (server) => await server.restart(),
  "paused for longer than a silence is borne": async (server, _load, isAway) => {
    await server.pause();
    await isAway();
    await server.unpause();
  },
  "cut off from its network for a while": async (server, _load, isAway) => {
    await server.disconnect();
    await isAway();
    await server.connect();
  },
};

/** Lets it happen in the middle of a load, and checks that nothing is lost or there twice. */
export async function underLoad(server: Server, happen: (typeof faults)[string]): Promise<void> {
  await using o = await open({ url: server.url });
  const component = await o.run(copier(o));
  const load = new Load(o);
  await load.goOn(200);
  const isAway = (): Promise<unknown> =>
    eventually(() => o.log.some(({ text }) => text.startsWith("Redis is away")), 30_000);
  await happen(server, load, isAway);
  await load.goOn(200);
  await load.end();
  await component.whenIdle();
  await load.check();
}
