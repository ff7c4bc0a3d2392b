/** A scrape as Prometheus reads it: its series, each with a name, labels and a value. */

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the text of a scrape. @throws on a line that is no series */
export function seriesOf(text: string): readonly Series[] {
  return text.split("\n").flatMap((line) => {
    if (line === "" || line.startsWith("#")) return [];
    const [, name = "", list = "", value = ""] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === "") throw new Error(`this is no series: ${line}`);
    const labels = [...list.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [
      key,
      text.replace(/\\(.)/g, (_, after: string) => (after === "n" ? "\n" : after)),
    ]);
    return [{ name, labels: Object.fromEntries(labels), value: Number(value.replace("Inf", "Infinity")) }];
  });
}

/** The sum of a metric's series that have these labels; undefined where there is none. */
export function sumOf(
  series: readonly Series[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = series.filter(
    (one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  );
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}
