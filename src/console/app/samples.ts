/** The samples of the looks: those that the server has kept, and those that came since. */

import { useEffect, useState } from "preact/hooks";
import { sampleOf } from "../samples.ts";
import type { Sample } from "../shapes.ts";
import type { Looked } from "./live.ts";
import { addressOf } from "./location.ts";
import { ask } from "./server.ts";

/** How far back charts go, samples. */
const maxSamples = 600;

/** `of`: the channel or the component that they are about. */
export function useSamples(look: Looked, of: Readonly<Record<string, string>>): readonly Sample[] {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const address = addressOf(["api", "samples"], of);
  useEffect(() => {
    ask<readonly Sample[]>(address).then(
      (kept) =>
        setSamples((since) => [...kept.filter(({ at }) => at < (since[0]?.at ?? Number.POSITIVE_INFINITY)), ...since]),
      () => undefined, // the chart begins now, then
    );
  }, [address]);
  const { flow } = look;
  useEffect(() => {
    const sample = flow === undefined ? undefined : sampleOf(flow);
    if (sample === undefined) return;
    setSamples((before) => (sample.at > (before.at(-1)?.at ?? 0) ? [...before, sample].slice(-maxSamples) : before));
  }, [flow]);
  return samples;
}
