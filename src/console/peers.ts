/** The optional peers of `throughline/console`. */

import type { Peers } from "../model/optional-peer.ts";

export const consolePeers: Peers = {
  door: "throughline/console",
  title: "Hono and its server for Node",
  packages: ["hono@4", "@hono/node-server@2"],
};
