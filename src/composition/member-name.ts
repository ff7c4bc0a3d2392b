/** The name of a member: unlike every other one's, also of this host and process. */

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

/** `about`: JSON for people, `status` shows it. */
export function memberOf(component: string): { readonly member: string; readonly about: string } {
  const host = hostname();
  const { pid } = process;
  const member = `${component}.${host.replaceAll(/[^A-Za-z0-9._-]/g, "_")}.${pid}.${randomBytes(6).toString("base64url")}`;
  const startedAt = new Date().toISOString();
  return { member, about: JSON.stringify({ host, pid, startedAt }) };
}
