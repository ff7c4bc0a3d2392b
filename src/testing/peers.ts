/** The optional peers of `throughline/testing`, by what needs them. */

import type { Peers } from "../model/optional-peer.ts";

/** The peers of `captureSpans`. */
export const spanPeers: Peers = {
  door: "throughline/testing",
  title: "the OpenTelemetry SDK 3.x to capture spans",
  packages: ["@opentelemetry/context-async-hooks@3.1.0", "@opentelemetry/core@3.1.0", "@opentelemetry/sdk-trace@3.1.0"],
  forTests: true,
};

/** The peers of `startRedis` with an image. */
export const containerPeers: Peers = {
  door: "throughline/testing",
  title: "Testcontainers, which wants Node 22.22 or newer, for a Redis in a container",
  packages: ["testcontainers@12"],
  forTests: true,
};
