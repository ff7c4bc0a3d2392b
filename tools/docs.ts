/** Finds errors in Markdown documents: code that differs from the file it was taken from, and dead relative links. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The errors of one document, a line each. A fenced block directly under `<!-- from FILE -->` or `<!-- from FILE#REGION
 * -->` must equal the file, or its lines between `// #region REGION` and `// #endregion REGION`. Paths of files are
 * relative to `root`, links to the document.
 */
export function problemsOf(root: string, document: string): readonly string[] {
  const text = readFileSync(join(root, document), "utf8");
  return [...staleBlocks(root, text), ...deadLinks(root, document, text)].map((problem) => `${document}: ${problem}`);
}

const takenBlock = /^<!-- from ([^\s#]+)(?:#(\S+))? -->\n+(?:```\w*\n(.*?)\n```$)?/gms;

function staleBlocks(root: string, text: string): string[] {
  return [...text.matchAll(takenBlock)].flatMap(([, file = "", region, block]) => {
    const name = region === undefined ? file : `${file}#${region}`;
    if (block === undefined) return [`no fenced block stands under the mark "from ${name}"`];
    if (!existsSync(join(root, file))) return [`a block is taken from ${file}, which does not exist`];
    const source = readFileSync(join(root, file), "utf8");
    const part = region === undefined ? source.trim() : regionOf(source, region);
    if (part === undefined) return [`a block is taken from ${name}, and the file has no such region`];
    return part === block ? [] : [`the block from ${name} differs from it: ${firstDifference(part, block)}`];
  });
}

/** The region's lines, moved to the left margin. */
function regionOf(source: string, region: string): string | undefined {
  const lines = source.split("\n");
  const start = lines.findIndex((line) => line.trim() === `// #region ${region}`);
  const end = lines.findIndex((line) => line.trim() === `// #endregion ${region}`);
  if (start === -1 || end < start) return undefined;
  const part = lines.slice(start + 1, end);
  const margin = Math.min(...part.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)));
  return part
    .map((line) => line.slice(margin))
    .join("\n")
    .trim();
}

function firstDifference(source: string, block: string): string {
  const [expected, found] = [source.split("\n"), block.split("\n")];
  const at = expected.findIndex((line, i) => line !== found[i]);
  const line = at === -1 ? expected.length : at;
  return `line ${line + 1} should be ${JSON.stringify(expected[line] ?? "(no line)")}, and is ${JSON.stringify(found[line] ?? "(no line)")}`;
}

function deadLinks(root: string, document: string, text: string): string[] {
  const prose = text.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor] = target.split("#", 2);
    const file = path === "" ? document : join(dirname(document), path);
    if (!existsSync(join(root, file))) return [`the link to ${target} leads nowhere`];
    if (anchor === undefined || !file.endsWith(".md")) return [];
    return anchorsOf(readFileSync(join(root, file), "utf8")).includes(anchor)
      ? []
      : [`the link to ${target} names no heading`];
  });
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  const headings = text.replace(/^```.*?^```$/gms, "").matchAll(/^#+ +(.*)$/gm);
  return [...headings].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
