/** A component in a process of its own, for `bench/console.ts`: its only argument is JSON; it answers each message with its processor time. */

import { on } from "throughline";
import { connectBackbone } from "../src/index.ts";
import { benchChannel } from "./console-channel.ts";

const { url, namespace } = JSON.parse(process.argv[2] ?? "{}") as { readonly url: string; readonly namespace: string };
const backbone = await connectBackbone({ url, namespace });
let handled = 0;
const component = backbone.component("bench", [
  on(benchChannel, () => {
    handled++;
  }),
]);
void component.run();
process.on("message", (message) => {
  if (message === "stop") void backbone.close().then(() => process.exit());
  else {
    const { user, system } = process.cpuUsage();
    process.send?.({ handled, cpuMicros: user + system });
  }
});
process.send?.({ handled, cpuMicros: 0 });
