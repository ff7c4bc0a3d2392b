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
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

export function timed(at: number): string {
  return new Date(at).toISOString().replace("T", " ").replace("Z", "");
}

export function clocked(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}

export function ago(at: number | null, now: number): string {
  return at === null ? "never" : `${lasted(Math.max(0, now - at))} ago`;
}
