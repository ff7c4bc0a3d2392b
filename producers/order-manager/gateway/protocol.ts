/** The gateway's protocol (docs/reference/gateway.md): JSON text frames with a client's requests and the replies. */

import type { PayloadIssue, PublishError } from "throughline";
import { z } from "zod";
import { type Execution, fieldsOnly } from "../../../trading/domain/index.ts";
import { type ExecutionNote, type OrderState, toNote } from "../order-record.ts";

export type Request =
  | { readonly type: "order"; readonly order: unknown }
  | { readonly type: "cancel"; readonly cancel: { readonly id: string; readonly orderId: string } }
  | { readonly type: "status"; readonly orderId: string };

export type Reply =
  | {
      readonly type: "accepted";
      readonly orderId: string;
      /** The trace id; empty where the order was not traced. */
      readonly traceId: string;
      /** Set where the order was accepted before; nothing was ordered again. */
      readonly duplicate?: true;
    }
  | {
      /** The cancel is in the log; what comes of it comes as an execution. */
      readonly type: "cancelling";
      readonly orderId: string;
      readonly cancelId: string;
      readonly traceId: string;
      /** Set where this cancel was taken before. */
      readonly duplicate?: true;
    }
  | {
      readonly type: "rejected";
      /** The cancel's id, where a cancel is rejected. */
      readonly cancelId?: string;
      /** The order's id, where the client gave one. */
      readonly orderId?: string;
      readonly issues: readonly PayloadIssue[];
      /**
       * Set where the log did not confirm. `unknown`: the order may be in the log. Sending it again with its id is
       * safe.
       */
      readonly outcome?: PublishError["outcome"];
    }
  | ({ readonly type: "execution"; readonly orderId: string } & ExecutionNote)
  | ({ readonly type: "state"; readonly orderId: string; readonly known: true } & OrderState)
  | { readonly type: "state"; readonly orderId: string; readonly known: false }
  | { readonly type: "error"; readonly reason: string };

const clientIdOf = (what: string): z.ZodString =>
  z.string(`must be ${what}`).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, `must be ${what}`);

const Request: z.ZodType<Request> = z.discriminatedUnion(
  "type",
  [
    fieldsOnly({ type: z.literal("order"), order: z.custom<unknown>((order) => order !== undefined, "is missing") }),
    fieldsOnly({
      type: z.literal("cancel"),
      cancel: fieldsOnly({ id: clientIdOf("a cancel id"), orderId: clientIdOf("an order id") }),
    }),
    fieldsOnly({ type: z.literal("status"), orderId: z.string("must be an order id").min(1).max(64) }),
  ],
  'must be "order", "cancel" or "status"',
);

/** Parses a frame: a request, or the reason why it is none. */
export function parseFrame(text: string): { readonly request: Request } | { readonly reason: string } {
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch {
    return { reason: "the frame is no JSON" };
  }
  if (typeof written !== "object" || written === null || Array.isArray(written)) {
    return { reason: "the frame must be a JSON object" };
  }
  const parsed = Request.safeParse(written);
  if (parsed.success) return { request: parsed.data };
  return { reason: parsed.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`.trim()).join("; ") };
}

/** The order's id as the client wrote it, for the reply to an invalid order. */
export function writtenId(order: unknown): { readonly orderId?: string } {
  if (typeof order !== "object" || order === null || !("id" in order)) return {};
  return typeof order.id === "string" && order.id.length <= 64 ? { orderId: order.id } : {};
}

export function toExecutionReply(execution: Execution): Reply {
  return { type: "execution", orderId: execution.clientOrderId, ...toNote(execution) };
}
