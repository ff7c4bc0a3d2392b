/** A component in a process of its own: its only argument is JSON; it answers each message with its processor time, and ends when it is left. */

import { connectBackbone, on } from "throughline";
import { benchChannel } from "./channel.ts";

const { url, namespace } = JSON.parse(process.argv[2] ?? "{}") as { readonly url: string; readonly namespace: string };
const backbone = await connectBackbone({ url, namespace });
let handled = 0;
const component = backbone.component(
  "bench",
  [
    on(benchChannel, () => {
      handled++;
    }),
  ],
  { from: "now" }, // what the log was filled with is nothing that is measured
);
void component.run();
await component.ready();
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ handled, cpuMicros: user + system });
});
process.on("disconnect", () => void backbone.close().then(() => process.exit()));
process.send?.({ handled, cpuMicros: 0 });
