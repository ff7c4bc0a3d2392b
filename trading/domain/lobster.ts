/**
 * Parses LOBSTER message files: one market event a line. Submissions are orders, and deletions their cancels; the rest is what became of them at another
 * market. @see https://lobsterdata.com
 */

import { Big } from "big.js";
import { parse } from "csv-parse/sync";
import { describeIssues, type LineReader, parseCancel, parseOrder } from "./parse-order.ts";

/** Number of columns: time, event type, order id, size, price in 1/10,000 dollars, direction. */
const columns = 6;

/** The meanings of the event types that are left out: a cancel here is for all that is open of an order. */
const otherTypes: Readonly<Record<string, string>> = {
  "2": "a partial cancellation",
  "4": "an execution of a visible order",
  "5": "an execution of a hidden order",
  "6": "a cross trade",
  "7": "a trading halt",
};

/** Number of desks. The file names no clients: an order belongs to a desk, determined by its id. */
const desks = 8;

export function looksLikeLobster(text: string): boolean {
  return /^[^,{]+,[1-7],-?\d+,-?\d+,-?\d+,-?1\s*$/.test(text);
}

export function lobsterReader(symbol: string): LineReader {
  return (text) => {
    const fields = fieldsOf(text);
    if (fields === undefined) return { skipped: "the line is no CSV" };
    // Some editions of the format add columns behind the six.
    if (fields.length < columns)
      return { skipped: `the line has ${fields.length} columns; a LOBSTER line has ${columns}` };
    const [, type = "", id = "", size = "", price = "", direction = ""] = fields;
    if (type !== "1" && type !== "3") {
      const meaning = otherTypes[type];
      return {
        skipped:
          meaning === undefined
            ? `"${type}" is no LOBSTER event type`
            : `type ${type} is ${meaning}, not an order or the cancel of one`,
      };
    }
    if (!/^\d{1,18}$/.test(id)) return { skipped: `"${id}" is no order id` };
    const userId = `desk-${1 + (Number(id.slice(-6)) % desks)}`;
    if (type === "3") {
      const cancel = parseCancel({ id: `deletion-${id}`, userId, symbol, orderId: id });
      return "cancel" in cancel ? cancel : { skipped: describeIssues(cancel.issues) };
    }
    if (!/^\d{1,9}$/.test(size)) return { skipped: `"${size}" is no size` };
    if (!/^\d{1,14}$/.test(price)) return { skipped: `"${price}" is no price` };
    if (direction !== "1" && direction !== "-1")
      return { skipped: `"${direction}" is no direction: it must be 1 or -1` };
    const parsed = parseOrder({
      id,
      userId,
      symbol,
      side: direction === "1" ? "buy" : "sell",
      price: new Big(price).div(10_000).toFixed(),
      quantity: Number(size),
      orderType: "limit",
    });
    return "order" in parsed ? parsed : { skipped: describeIssues(parsed.issues) };
  };
}

function fieldsOf(text: string): readonly string[] | undefined {
  try {
    return parse(text, { relax_column_count: true, trim: true })[0];
  } catch {
    return undefined;
  }
}
