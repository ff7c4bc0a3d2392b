/** The backbone of the guide's examples: on the server and in the namespace that the environment names. */

import { type Backbone, connectBackbone } from "throughline";

export function connect(): Promise<Backbone> {
  return connectBackbone({
    url: process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379",
    namespace: process.env["NAMESPACE"] ?? "shop",
    baggage: { allow: ["tenant.id"] },
  });
}
