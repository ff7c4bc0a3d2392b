/** Draws an SVG bar chart: one group of bars a scenario, each as long as its share of the scenario's longest. */

import type { Result } from "../statistics.ts";
import { short } from "./number.ts";
import type { BenchRecord } from "./record.ts";
import { caveat } from "./rows.ts";

const width = 860;
const labelWidth = 250;
const valueWidth = 130;
const barHeight = 18;
const gap = 5;
const colours: Readonly<Record<string, string>> = { throughline: "#2563a8", bullmq: "#c98a2b" };
const otherColour = "#9aa5b1";

export function chart({ machine, results }: BenchRecord): string {
  const parts: string[] = [];
  let y = 24;
  const shown = results.filter(({ scenario }) => scenario.inChart === true);
  for (const result of shown) {
    const group = groupOf(result, y);
    parts.push(...group.parts);
    y = group.end + 22;
  }
  const { versions } = machine;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const where = `${machine.at.slice(0, 10)}, ${machine.processor}, ${machine.cores} cores, AOF everysec`;
  const last = [where, names.slice(0, 4).join(", "), names.slice(4).join(", "), caveat(shown)].filter(
    (line) => line !== "",
  );
  for (const line of last) {
    parts.push(text(12, y, line, 'font-size="11"'));
    y += 15;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" font-family="system-ui, sans-serif" font-size="13">`,
    "<title>Throughline beside those whom one would take instead, by scenario</title>",
    `<rect width="${width}" height="${y}" fill="#ffffff"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

/** Draws a group. `end` is the position at which the next group may begin. */
function groupOf({ scenario, standings }: Result, top: number): { parts: readonly string[]; end: number } {
  const parts: string[] = [];
  let y = top;
  const most = Math.max(...standings.map(({ median }) => median));
  const direction = scenario.better === "more" ? "more is better" : "less is better";
  parts.push(text(12, y + 4, `${scenario.title} (${scenario.unit}, ${direction})`, 'font-weight="600"'));
  y += 14;
  for (const { entrant, title, median } of standings) {
    const length = Math.max(2, ((width - labelWidth - valueWidth) * median) / most);
    const colour = colours[entrant.split(/[- ]/)[0] as string] ?? otherColour;
    parts.push(text(labelWidth - 8, y + 13, title, 'text-anchor="end"'));
    parts.push(
      `<rect x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="2" fill="${colour}"/>`,
    );
    parts.push(text(labelWidth + length + 8, y + 13, short(median)));
    y += barHeight + gap;
  }
  return { parts, end: y };
}

function text(x: number, y: number, content: string, attributes = ""): string {
  const escaped = content.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<text x="${x.toFixed(1)}" y="${y}" fill="#1f2933" ${attributes}>${escaped}</text>`;
}
