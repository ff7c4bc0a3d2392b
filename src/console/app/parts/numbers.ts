/** Numbers and times as people read them. */

export function counted(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** A rate per second: with a decimal where it is small. */
export function rated(value: number | null): string {
  if (value === null) return "…";
  if (value > 0 && value < 10) return `${value.toFixed(1)}/s`;
  return `${counted(value)}/s`;
}

export function lasted(ms: number): string {
  if (Math.round(ms) < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  const [seconds, minutes] = [Math.round(ms / 1_000), Math.round(ms / 60_000)];
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (minutes < 2_880) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1_440)} d`;
}

/** A time as ISO 8601 has it; a number that no calendar covers, which an entry may have, as it is. */
function isoOf(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}

export function timed(at: number): string {
  return isoOf(at).replace("T", " ").replace("Z", "");
}

/** The time of the day alone. */
export function clocked(at: number): string {
  return isoOf(at).replace(/^.*T(.*)Z$/, "$1");
}

export function ago(at: number | null, now: number): string {
  return at === null ? "never" : `${lasted(Math.max(0, now - at))} ago`;
}
