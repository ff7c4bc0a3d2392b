/** The guide's example of a component as a process. test/docs/examples.test.ts runs it. */

// #region service
import { runProcess } from "throughline/service";
import { subscriptions } from "./ledger-handlers.ts";

await runProcess({
  name: "ledger",
  description: "Books payments.",
  namespace: "shop",
  run: ({ backbone, component, signal }) => backbone.component("ledger", subscriptions, component).run(signal),
});
// #endregion service
