/** The page's address: every view has one, and going from view to view loads nothing anew. */

import { useEffect, useState } from "preact/hooks";

export interface Route {
  /** The parts of the path, decoded. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

const changed = new EventTarget();

function here(): Route {
  const path = location.pathname.split("/").filter((part) => part !== "");
  return { path: path.map(decoded), query: new URLSearchParams(location.search) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The route that is shown, kept up to date. */
export function useRoute(): Route {
  const [route, setRoute] = useState(here);
  useEffect(() => {
    const update = (): void => setRoute(here());
    addEventListener("popstate", update);
    changed.addEventListener("change", update);
    return () => {
      removeEventListener("popstate", update);
      changed.removeEventListener("change", update);
    };
  }, []);
  return route;
}

/** Goes to an address of the console. `replace`: without a step of its own in the history. */
export function go(address: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  changed.dispatchEvent(new Event("change"));
}

/** Makes links of ours change the view in place of loading the page. */
export function followLinks(): void {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.hasAttribute("download") || link.getAttribute("target") !== null) return;
    const address = link.getAttribute("href");
    if (address === null || !address.startsWith("/")) return;
    event.preventDefault();
    go(address);
    scrollTo(0, 0);
    document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
  });
}

/** An address with its parts escaped. */
export function addressOf(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined || value === "" ? [] : [[name, value]],
  );
  const search = new URLSearchParams(given).toString();
  return `/${path.map(encodeURIComponent).join("/")}${search === "" ? "" : `?${search}`}`;
}

/** The story of an entry: an entry is found at once, wherever it lies. */
export function storyAddress({ channel, entryId }: { readonly channel: string; readonly entryId: string }): string {
  return addressOf(["story"], { q: `${channel}/${entryId}` });
}
