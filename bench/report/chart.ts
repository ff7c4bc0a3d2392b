/** The results as an SVG bar chart: one group of bars a scenario, each as long as its share of the scenario's best. */

import { contenders } from "../contenders.ts";
import type { Machine } from "../machine.ts";
import type { Result } from "../statistics.ts";

const width = 860;
const labelWidth = 250;
const barHeight = 20;
const gap = 6;
const colours: Readonly<Record<string, string>> = { throughline: "#2563a8" };
const otherColour = "#9aa5b1";

export function chart(results: readonly Result[], machine: Machine): string {
  const parts: string[] = [];
  let y = 24;
  for (const { scenario, standings } of results) {
    const most = Math.max(...standings.map(({ median }) => median));
    const direction = scenario.better === "more" ? "more is better" : "less is better";
    parts.push(text(12, y + 4, `${scenario.title} (${scenario.unit}, ${direction})`, 'font-weight="600"'));
    y += 16;
    for (const { contender, median } of standings) {
      const length = Math.max(2, ((width - labelWidth - 130) * median) / most);
      const colour = colours[contender.split("-")[0] as string] ?? otherColour;
      parts.push(text(labelWidth - 8, y + 14, contenders[contender].title, 'text-anchor="end"'));
      parts.push(
        `<rect x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="2" fill="${colour}"/>`,
      );
      const value = median.toLocaleString("en", { maximumFractionDigits: median < 100 ? 2 : 0 });
      parts.push(text(labelWidth + length + 8, y + 14, value));
      y += barHeight + gap;
    }
    y += 24;
  }
  const { versions } = machine;
  const names = ["redis", "node", "ioredis", "bullmq"].map((name) => `${name} ${versions[name]}`).join(", ");
  parts.push(
    text(12, y, `${machine.at.slice(0, 10)}, ${machine.processor}, ${machine.cores} cores; ${names}; AOF everysec`),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 16}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${width}" height="${y + 16}" fill="#ffffff"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function text(x: number, y: number, content: string, attributes = ""): string {
  const escaped = content.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<text x="${x.toFixed(1)}" y="${y}" fill="#1f2933" ${attributes}>${escaped}</text>`;
}
