/** A chart of numbers over time: uPlot draws, and the newest values stand below as text. */

import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { spanOf } from "./chart-span.ts";

export interface Series {
  readonly name: string;
  readonly color: "accent" | "good" | "warn" | "bad";
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** Epoch ms. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
}

const height = 170;

function colorOf(name: Series["color"]): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** `light-dark()` is not for a canvas: a probe has the colour as it is used. */
function resolved(name: Series["color"] | "quiet" | "line"): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color || colorOf("accent");
}

/** The time of a tick: UTC, in 24 hours; the date as well where a day begins. */
function tickText(seconds: number): string {
  const text = new Date(seconds * 1_000).toISOString();
  return seconds % 86_400 === 0 ? text.slice(5, 10) : text.slice(11, seconds % 60 === 0 ? 16 : 19);
}

export function Chart({ title, times, series }: ChartProps): VNode {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const names = series.map(({ name, color }) => `${name} ${color}`).join("|");
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const axis = { stroke: resolved("quiet"), grid: { stroke: resolved("line"), width: 0.5 }, ticks: { show: false } };
    const drawn = new uPlot(
      {
        width: Math.max(200, element.clientWidth),
        height,
        // UTC, as every time of the console is.
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), "Etc/UTC"),
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { range: ({ data: [seconds] }) => spanOf(seconds) },
          y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
        },
        axes: [
          { ...axis, space: 70, values: (_plot, ticks) => ticks.map(tickText) },
          { ...axis, size: 56 },
        ],
        series: [
          {},
          ...names.split("|").map((one) => {
            const [color = "accent"] = one.split(" ").slice(-1);
            return { stroke: resolved(color as Series["color"]), width: 2 };
          }),
        ],
      },
      [[], ...names.split("|").map(() => [])],
      element,
    );
    plot.current = drawn;
    const fit = new ResizeObserver(() => drawn.setSize({ width: Math.max(200, element.clientWidth), height }));
    fit.observe(element);
    return () => {
      fit.disconnect();
      drawn.destroy();
      plot.current = undefined;
    };
  }, [names]);
  useEffect(() => {
    plot.current?.setData([times.map((at) => at / 1_000), ...series.map(({ values }) => [...values])]);
  });
  return (
    <figure class="chart-figure">
      <figcaption>
        <strong>{title}</strong>{" "}
        {series.map(({ name, color, values }) => (
          <span key={name} class={`key ${color}`}>
            {name} {(values.at(-1) ?? 0).toLocaleString("en-US", { maximumFractionDigits: 1 })}
          </span>
        ))}
      </figcaption>
      <div class="chart" ref={place} aria-hidden="true" />
    </figure>
  );
}
