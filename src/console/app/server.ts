/** Questions to the console's server. */

import { useEffect, useState } from "preact/hooks";

/** An answer, or the server's sentence about why there is none. */
export type Asked<T> =
  | { readonly state: "waiting" }
  | { readonly state: "there"; readonly value: T }
  | { readonly state: "refused"; readonly problem: string };

async function answerIn<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  const text = await response.text();
  let problem = text;
  try {
    problem = (JSON.parse(text) as { readonly problem: string }).problem;
  } catch {
    // A proxy's page: its text is all there is.
  }
  throw new Error(problem === "" ? `The server answers ${response.status}.` : problem);
}

/** Asks. Rejects with the server's sentence. */
export async function ask<T>(address: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(address, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    throw new Error("The console's server does not answer: was it stopped?");
  });
  return answerIn(response);
}

/** Has something done. Rejects with the server's sentence. */
export async function order<T>(address: string, wish: object): Promise<T> {
  const body = JSON.stringify(wish);
  const response = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  }).catch(() => {
    throw new Error("The console's server does not answer: it is not known whether anything was done.");
  });
  return answerIn(response);
}

/** Asks when the address changes, and when `again` does. Undefined asks nothing. */
export function useAnswer<T>(address: string | undefined, again: unknown = undefined): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>({ state: "waiting" });
  useEffect(() => {
    if (address === undefined) return;
    const gone = new AbortController();
    ask<T>(address, gone.signal).then(
      (value) => setAsked({ state: "there", value }),
      (error: Error) => {
        if (!gone.signal.aborted) setAsked({ state: "refused", problem: error.message });
      },
    );
    return () => gone.abort();
  }, [address, again]);
  return asked;
}

/**
 * Asks, and so long after each answer again while the page is seen, ms: a slow answer is waited for. Undefined asks nothing. A change of `again` asks
 * at once.
 */
export function usePolled<T>(address: string | undefined, everyMs: number, again: unknown = undefined): Asked<T> {
  const [round, setRound] = useState(0);
  const asked = useAnswer<T>(address, `${round} ${again}`);
  useEffect(() => {
    if (address === undefined || asked.state === "waiting") return;
    const ask = (): void => {
      if (document.visibilityState === "visible") setRound((before) => before + 1);
      else timer = setTimeout(ask, everyMs);
    };
    let timer = setTimeout(ask, everyMs);
    return () => clearTimeout(timer);
  }, [asked, address, everyMs]);
  return asked;
}
