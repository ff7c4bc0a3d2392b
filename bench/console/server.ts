/** The console in a process of its own: its only argument is JSON; it tells its address, answers each message with its processor time, and ends when it is left. */

import { serveConsole } from "throughline/console";

const { url, namespace } = JSON.parse(process.argv[2] ?? "{}") as { readonly url: string; readonly namespace: string };
const served = await serveConsole({ url, namespace, port: 0 });
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ handled: 0, cpuMicros: user + system });
});
process.on("disconnect", () => void served[Symbol.asyncDispose]().then(() => process.exit()));
process.send?.({ url: served.url });
