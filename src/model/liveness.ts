/** Whether a member lives, by its last heartbeat: what people are shown, and what is refused while somebody runs. Ownership does not ask this. */

/** Longest silence of a living member, ms: it beats four times a second, or more often. */
export const memberLivesMs = 5_000;

/**
 * True where the member has not left, and has beaten within `livesMs`. Times in epoch ms on the server's clock. A beat far ahead dates from
 * before the clock was set back; a living member corrects its own.
 */
export function isLiving(
  { hasLeft, seenAt }: { readonly hasLeft: boolean; readonly seenAt: number },
  now: number,
  livesMs: number = memberLivesMs,
): boolean {
  return !hasLeft && Math.abs(now - seenAt) <= livesMs;
}
