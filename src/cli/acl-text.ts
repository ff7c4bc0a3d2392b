/** A user's rules as Redis takes them, once the password's hash is in. */

export const aclFormats = ["setuser", "aclfile"] as const;
export type AclFormat = (typeof aclFormats)[number];

/** Redis takes no user whose password hash is not one, so that nobody runs with a placeholder. */
export const placeholder = "#SHA256-OF-THE-PASSWORD";

/** `rules`: as `aclRules` gives them, `reset` first. One line. */
export function aclText(user: string, rules: readonly string[], format: AclFormat): string {
  const [reset = "", ...rest] = rules;
  // An aclfile begins each user anew by itself.
  const words = format === "aclfile" ? ["user", user] : ["ACL", "SETUSER", user, reset];
  return [...words, placeholder, ...rest].join(" ");
}
