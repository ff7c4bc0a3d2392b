/** Checks whether a run may write into its target namespace. Writes nothing. */

import { ReplayError } from "../../model/errors.ts";
import type { RunRequest } from "../../ports/replay-runs.ts";
import type { TargetSpace } from "../../ports/replay-target.ts";
import { targetChannels } from "./request.ts";

/** @throws {ReplayError} naming the consequence of a target that does not fit. @throws {StoreError} */
export async function checkFit(space: TargetSpace, request: RunRequest): Promise<void> {
  const { namespace, partitions, sourceNamespace, live } = request;
  const channels = targetChannels(request);
  const use = await space.use(channels);
  if ((use === "live" || namespace === sourceNamespace) && !live) {
    throw new ReplayError(
      `namespace "${namespace}" is live: its components would take what is republished for real. ` +
        "Leave the namespace out to replay into a shadow, or say that live is meant",
    );
  }
  const catalogue = await space.catalogue();
  if (catalogue !== undefined && catalogue.partitions !== partitions) {
    throw new ReplayError(
      `the entries of namespace "${sourceNamespace}" lie in ${partitions} partitions, and namespace "${namespace}" has ` +
        `${catalogue.partitions}: their order and their components' state would be lost. Choose another namespace`,
    );
  }
  const unknown = channels.find((channel) => catalogue?.channels.includes(channel) !== true);
  if (use === "live" && unknown !== undefined) {
    const known = catalogue?.channels.join(", ") || "none";
    throw new ReplayError(`there is no channel "${unknown}" in namespace "${namespace}", which has ${known}`);
  }
}
