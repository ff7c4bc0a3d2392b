/** Trading's part of the command line: its components, channels and order files. */

import { Option } from "commander";
import { ConfigError } from "throughline";
import type { Extension, Settings } from "throughline/cli";
import { algorithmSubscriptions } from "../../consumers/algorithm/index.ts";
import { noVenues, orderSenderSubscriptions } from "../../consumers/order-sender/index.ts";
import { orderManagerSubscriptions } from "../../producers/order-manager/index.ts";
import { clientOrders, exchangeOrders, executions, fills, lobsterLine, reports, venueOrders } from "../domain/index.ts";

export const extension: Extension = {
  channels: [clientOrders, exchangeOrders, venueOrders, reports, fills, executions],
  components: {
    algorithm: {
      outputs: [exchangeOrders, executions],
      subscriptions: (_source, settings) => algorithmSubscriptions(only(settings, ["maxSliceQuantity", "exchange"])),
    },
    // What venues have reported is recorded: the handlers must reach none.
    "order-sender": {
      outputs: [venueOrders, fills],
      subscriptions: (_source, settings) => {
        only(settings, []);
        return orderSenderSubscriptions(noVenues);
      },
    },
    "order-manager": {
      outputs: [],
      subscriptions: (_source, settings) => {
        only(settings, []);
        return orderManagerSubscriptions();
      },
    },
  },
  lineFormats: {
    lobster: {
      fileName: /\.csv(\.gz|\.zst)?$/i,
      options: [new Option("--symbol <symbol>", "of LOBSTER orders; their file has it in its name")],
      parse: (file, { symbol }) => lobsterLine(file, symbol as string | undefined),
    },
  },
};

/** Refuses settings of other names. @throws {ConfigError} */
function only(settings: Settings, names: readonly string[]): Settings {
  const unknown = Object.keys(settings).find((name) => !names.includes(name));
  if (unknown === undefined) return settings;
  const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  throw new ConfigError(`the component has no setting "${unknown}": ${known}`);
}
