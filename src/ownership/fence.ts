/** What an outside system keeps of an owner, so that it can refuse a former one. */

import type { Claim } from "../ports/own.ts";

/** A lower epoch is a former owner's; so is the same epoch with another token. */
export interface Fence {
  readonly epoch: number;
  readonly token: string;
}

export function fenceOf({ epoch, owner }: Claim): Fence {
  return { epoch, token: owner.slice(owner.indexOf("/") + 1) };
}
