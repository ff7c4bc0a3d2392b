/** The guard before every request: who may ask, from where, and what a browser may do with the answer. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { secureHeaders } from "hono/secure-headers";
import { isLoopback, type ResolvedConsoleOptions } from "../options.ts";
import { Refusal } from "./refusal.ts";

/** Scripts and styles are files of ours only, so that no text of an entry can become one. */
export function headers(): MiddlewareHandler {
  const strict = secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    xFrameOptions: "DENY",
    referrerPolicy: "no-referrer",
    strictTransportSecurity: false, // the console speaks plain HTTP; a proxy before it may say otherwise
  });
  return async (c, next) => {
    await strict(c, async () => undefined);
    c.header("cache-control", "no-store");
    await next();
  };
}

/** Refuses names that this console is not called by: a stranger's page could point its own name here (DNS rebinding). */
export function hosts({ host, allowedHosts }: ResolvedConsoleOptions, portOf: () => number): MiddlewareHandler {
  return async (c, next) => {
    const asked = c.req.header("host") ?? "";
    const { hostname = "", port = "" } = URL.parse(`http://${asked}`) ?? {};
    const bare = hostname.replace(/^\[(.*)\]$/, "$1");
    const isOwn = port === String(portOf()) && (isLoopback(bare) || bare === host);
    if (!isOwn && !allowedHosts.includes(asked) && !allowedHosts.includes(bare)) {
      throw new Refusal(421, `This console does not answer to the name "${asked}": name it in --allowed-hosts.`);
    }
    await next();
  };
}

/** Refuses what another site's page asks for. */
export function origins(): MiddlewareHandler {
  return async (c, next) => {
    const origin = c.req.header("origin");
    const site = c.req.header("sec-fetch-site");
    const isForeign = origin !== undefined && URL.parse(origin)?.host !== c.req.header("host");
    // A link from elsewhere may open the page, and nothing else.
    const isLink = c.req.method === "GET" && c.req.header("sec-fetch-mode") === "navigate";
    if (isForeign || (site === "cross-site" && !isLink) || (c.req.method !== "GET" && origin === undefined)) {
      throw new Refusal(403, `The console is asked from ${origin ?? "no page of its own"}: only its own page may.`);
    }
    await next();
  };
}

/** Asks for the token: in the address once, then in a cookie; programs send it as `Authorization: Bearer`. */
export function token({ token: wanted }: ResolvedConsoleOptions, portOf: () => number): MiddlewareHandler {
  return async (c, next) => {
    if (wanted === undefined) return next();
    const cookie = `throughline-console-${portOf()}`; // a browser sends cookies to every port of a host
    const inAddress = c.req.query("token");
    if (inAddress !== undefined && isSame(inAddress, wanted)) {
      setCookie(c, cookie, wanted, { httpOnly: true, sameSite: "Strict", path: "/" });
      const url = new URL(c.req.url);
      url.searchParams.delete("token");
      return c.redirect(`${url.pathname}${url.search}`, 303);
    }
    const given = inAddress ?? bearer(c) ?? getCookie(c, cookie);
    if (given === undefined || !isSame(given, wanted)) {
      const text = given === undefined ? "The console wants its token" : "The token is not the console's";
      throw new Refusal(401, `${text}: open the address that it printed when it started, with ?token=… at its end.`);
    }
    return next();
  };
}

function bearer(c: Context): string | undefined {
  return /^Bearer (.+)$/.exec(c.req.header("authorization") ?? "")?.[1];
}

/** Compares digests, in the same time wherever they differ. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
