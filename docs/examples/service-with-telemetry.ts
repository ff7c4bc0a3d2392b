/** The guide's example of a process with telemetry. test/docs/examples.test.ts runs it. */

import { runProcess } from "throughline/service";
// #region service
import { startTelemetry } from "throughline/telemetry"; // first, so that it can instrument what follows
import { subscriptions } from "./ledger-handlers.ts";

await runProcess({
  telemetry: startTelemetry,
  name: "ledger",
  description: "Books payments.",
  namespace: "shop",
  run: ({ backbone, component, signal }) => backbone.component("ledger", subscriptions, component).run(signal),
});
// #endregion service
