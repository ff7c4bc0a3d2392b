/** Server-sent events in a page: opened while the page is seen, closed in a background tab, which then costs nothing. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Flow } from "../shapes.ts";

/** The handlers of a stream's messages, by name. */
export type Hearers = Readonly<Record<string, (data: never) => void>>;

/** Opens a stream while the page is seen. Undefined opens none. `onBreak` is told when the server is away, and the browser tries again. */
export function useStream(address: string | undefined, hearers: Hearers, onBreak?: () => void): void {
  const current = useRef({ hearers, onBreak });
  current.current = { hearers, onBreak };
  const names = Object.keys(hearers).join(" ");
  useEffect(() => {
    if (address === undefined) return;
    let source: EventSource | undefined;
    const open = (): void => {
      source = new EventSource(address);
      for (const name of names.split(" ")) {
        source.addEventListener(name, (event: MessageEvent<string>) => {
          current.current.hearers[name]?.(JSON.parse(event.data) as never);
          // What is over must not begin anew by itself.
          if (name === "done" || name === "problem") source?.close();
        });
      }
      source.onerror = () => current.current.onBreak?.();
    };
    const close = (): void => {
      source?.close();
      source = undefined;
    };
    const update = (): void => {
      if (document.visibilityState === "hidden") close();
      else if (source === undefined) open();
    };
    update();
    document.addEventListener("visibilitychange", update);
    return () => {
      document.removeEventListener("visibilitychange", update);
      close();
    };
  }, [address, names]);
}

/** The latest look at the namespace; `problem` says why there is none at the moment. */
export interface Looked {
  readonly flow: Flow | undefined;
  readonly problem: string;
}

export function useLook(): Looked {
  const [looked, setLooked] = useState<Looked>({ flow: undefined, problem: "" });
  useStream(
    "/api/live",
    {
      flow: (flow: Flow) => setLooked({ flow, problem: "" }),
      away: ({ problem }: { readonly problem: string }) => setLooked(({ flow }) => ({ flow, problem })),
    },
    () =>
      setLooked(({ flow }) => ({ flow, problem: "The console's server does not answer; the page goes on trying." })),
  );
  return looked;
}
