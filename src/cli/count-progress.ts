/**
 * Shows the progress of a recording or an import: a bar where a person watches and the end is known, else a plain line
 * from time to time.
 */

import cliProgress from "cli-progress";
import type { Output } from "./surroundings.ts";

export interface CountProgress extends Disposable {
  /** Shows a count. `share`: the part of all work that is done, 0 to 1; undefined where that is not known. */
  show(count: number, share: number | undefined): void;
}

const plainIntervalMs = 2_000;

/** Opens a progress. Its disposal removes the bar, so that later output begins on a line of its own. */
export function openCountProgress(stream: Output, noun: string): CountProgress {
  const began = performance.now();
  const textOf = (count: number): string => {
    const perSecond = Math.round(count / Math.max(0.001, (performance.now() - began) / 1_000));
    return `${count.toLocaleString("en-US")} ${noun}, ${perSecond.toLocaleString("en-US")}/s`;
  };
  return stream.isTTY === true ? openBar(stream, textOf) : openLines(stream, textOf);
}

function openBar(stream: Output, textOf: (count: number) => string): CountProgress {
  const bar = new cliProgress.SingleBar({
    stream,
    format: "{bar} {percentage}%  {text}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  });
  let isShown = false;
  return {
    show: (count, share = 0) => {
      if (!isShown) bar.start(1_000, 0, { text: "" });
      isShown = true;
      bar.update(Math.round(1_000 * Math.min(1, Math.max(0, share))), { text: textOf(count) });
    },
    [Symbol.dispose]: () => bar.stop(),
  };
}

function openLines(stream: Output, textOf: (count: number) => string): CountProgress {
  let dueAt = performance.now() + plainIntervalMs;
  return {
    show: (count) => {
      if (performance.now() < dueAt) return;
      dueAt = performance.now() + plainIntervalMs;
      stream.write(`${textOf(count)}\n`);
    },
    [Symbol.dispose]: () => undefined,
  };
}
