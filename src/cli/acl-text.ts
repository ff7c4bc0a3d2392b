/** Writes a user's rules in the form that Redis takes, once the password's hash is filled in. */

export const aclFormats = ["setuser", "aclfile"] as const;
export type AclFormat = (typeof aclFormats)[number];

/** Stands in place of the password's hash. Redis refuses a user with it, so that nobody runs with a placeholder. */
export const placeholder = "#SHA256-OF-THE-PASSWORD";

/** Writes the rules on one line. `rules`: those of `aclRules`, `reset` first. */
export function aclText(user: string, rules: readonly string[], format: AclFormat): string {
  const [reset = "", ...rest] = rules;
  // An aclfile resets each user by itself.
  const words = format === "aclfile" ? ["user", user] : ["ACL", "SETUSER", user, reset];
  return [...words, placeholder, ...rest].join(" ");
}
