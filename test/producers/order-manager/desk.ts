/** The Order Manager as a process of its own, with its two ports: the gateway's and that of its health. */

import * as assert from "uvu/assert";
import { eventually } from "../../support/eventually.ts";
import { type StartedProcess, startProcess } from "../../support/process.ts";
import { freshNamespace, redisUrl } from "../../support/redis.ts";
import { connectClient } from "./gateway-client.ts";

export interface Desk extends AsyncDisposable {
  readonly process: StartedProcess;
  readonly gatewayPort: number;
  readonly healthPort: number;
  /** Another client's order is accepted, and the process says that it is ready. */
  serves(): Promise<void>;
}

export async function startDesk(): Promise<Desk> {
  const env = { REDIS_URL: redisUrl(), NAMESPACE: freshNamespace(), PORT: "0", HEALTH_PORT: "0", LOG_LEVEL: "info" };
  const process = startProcess("producers/order-manager/main.ts", [], { env });
  const portIn = async (text: string): Promise<number> =>
    Number(new URL((JSON.parse(await process.line(text)) as { url: string }).url).port);
  const healthPort = await portIn("health is told");
  const gatewayPort = await portIn("the gateway takes orders");
  await process.line('"joined"');
  let orders = 0;
  return {
    process,
    gatewayPort,
    healthPort,
    serves: async () => {
      await using client = await connectClient(`ws://127.0.0.1:${gatewayPort}`, "ann");
      const id = `a-${orders++}`;
      client.send({ type: "order", order: { id, symbol: "AAPL", side: "buy", price: "577.50", quantity: 250 } });
      assert.is((await client.next("accepted")).orderId, id);
      await eventually(async () => (await fetch(`http://127.0.0.1:${healthPort}/ready`)).status === 200);
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** Drains it, and throws what it wrote unless it ended well. */
export async function drain(process: StartedProcess): Promise<void> {
  process.kill("SIGTERM");
  const end = await process.ended;
  assert.equal(end, { code: 0, signal: null }, process.lines.slice(-20).join("\n"));
}
