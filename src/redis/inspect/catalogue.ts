/** A namespace's description, the hash `meta`, as the catalogue of its channels, components and sources. */

import { ConfigError } from "../../model/errors.ts";
import { parseRetention, type Retention } from "../../model/retention-policy.ts";
import type { Catalogue } from "../../ports/inspect.ts";
import { formatVersion } from "../keys.ts";
import { shadowField } from "../replay/replay-namespace.ts";

/** Of a namespace that nothing has used yet. */
export function emptyCatalogue(partitions: number): Catalogue {
  return {
    partitions,
    channels: [],
    components: new Map(),
    outputs: new Map(),
    sources: new Map(),
    retention: new Map(),
    described: new Map(),
  };
}

/** @throws {ConfigError} on a namespace of another format */
export function catalogueOf(namespace: string, meta: ReadonlyMap<string, string>): Catalogue {
  checkFormat(namespace, meta.get("format"));
  const channels: string[] = [];
  const components = new Map<string, readonly string[]>();
  const outputs = new Map<string, string[]>();
  const sources = new Map<string, { readonly channel: string; readonly isSingle: boolean }>();
  const retention = new Map<string, Retention>();
  const described = new Map<string, string>();
  for (const [field, value] of [...meta].sort(([a], [b]) => (a < b ? -1 : 1))) {
    // "KIND:NAME", and for outputs "output:COMPONENT:CHANNEL". Others may have written names that are none.
    const [kind = ""] = field.split(":", 1);
    const name = field.slice(kind.length + 1);
    if (kind === "channel") {
      channels.push(name);
      described.set(name, value);
      const policy = parseRetention(value);
      if (policy !== undefined) retention.set(name, policy);
    } else if (kind === "component") components.set(name, value.split(",").filter(Boolean));
    else if (kind === "output") {
      const [component = "", ...channel] = name.split(":");
      if (channel.length > 0) outputs.set(component, [...(outputs.get(component) ?? []), channel.join(":")]);
    } else if (kind === "source") {
      const [into = "", runs] = value.split(" ");
      sources.set(name, { channel: into, isSingle: runs === "single" });
    }
  }
  const shadowOf = meta.get(shadowField);
  const partitions = Number(meta.get("partitions") ?? 1);
  return {
    partitions,
    ...(shadowOf === undefined ? {} : { shadowOf }),
    channels,
    components,
    outputs,
    sources,
    retention,
    described,
  };
}

function checkFormat(namespace: string, format: string | undefined): void {
  if (format === formatVersion) return;
  const advice = format === "1" ? ': "throughline prepare", or the start of one of its components, takes it over' : "";
  throw new ConfigError(
    `namespace "${namespace}" has format ${format ?? "none"}; this version reads format ${formatVersion}${advice}`,
  );
}
