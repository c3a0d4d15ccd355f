/** What can be said of a Lua text by its words alone: expressions under the mouse, names, functions. */

export interface Word {
  readonly kind: "name" | "keyword" | "string" | "comment" | "number" | "sign";
  readonly text: string;
  readonly start: number;
}

const KEYWORDS = new Set(
  "and break do else elseif end false for function goto if in local nil not or repeat return then true until while".split(
    " ",
  ),
);
const PATTERN = new RegExp(
  [
    String.raw`(?<comment>--\[(?<c>=*)\[[^]*?(?:\]\k<c>\]|$)|--[^\n]*)`,
    String.raw`(?<string>\[(?<s>=*)\[[^]*?(?:\]\k<s>\]|$)|"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?)`,
    String.raw`(?<number>0[xX][\da-fA-F.]+(?:[pP][+-]?\d+)?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)`,
    String.raw`(?<name>[A-Za-z_]\w*)`,
    String.raw`(?<sign>\.\.\.|\.\.|::|\/\/|<<|>>|[=~<>]=|[^\s\w])`,
  ].join("|"),
  "g",
);

export function words(text: string): Word[] {
  const found: Word[] = [];
  for (const match of text.matchAll(PATTERN)) {
    const groups = match.groups ?? {};
    const is = (["comment", "string", "number", "name"] as const).find((kind) => groups[kind] !== undefined);
    const kind = is === "name" && KEYWORDS.has(match[0]) ? "keyword" : (is ?? "sign");
    found.push({ kind, text: match[0], start: match.index });
  }
  return found;
}

export interface Range {
  readonly text: string; // the Lua expression
  readonly start: number;
  readonly end: number;
}

/**
 * The expression a person means who points at an offset: `t.inner.leaf` up to the name pointed at, the
 * method of `object:method` as a field, a constant index. Nothing in comments, strings, labels, keys.
 */
export function expressionAt(text: string, offset: number): Range | undefined {
  const all = words(text).filter((word) => word.kind !== "comment");
  const at = all.findIndex((word) => word.start <= offset && offset < word.start + word.text.length);
  const word = all[at];
  if (word === undefined || (word.kind !== "name" && word.text !== "...")) return undefined;
  if (isLabel(all, at) || isKey(all, at)) return undefined;
  const first = chainStart(all, at);
  if (first === undefined) return undefined;
  const start = all[first]?.start ?? 0;
  const end = word.start + word.text.length;
  const chain = all.slice(first, at + 1).map((one) => (one.text === ":" ? "." : one.text));
  return { text: chain.join(""), start, end };
}

function isLabel(all: readonly Word[], at: number): boolean {
  return all[at - 1]?.text === "::" || all[at + 1]?.text === "::" || all[at - 1]?.text === "goto";
}

/** `name =` inside of a table constructor: its brace is the nearest one that is open. */
function isKey(all: readonly Word[], at: number): boolean {
  if (all[at + 1]?.text !== "=" || !["{", ",", ";"].includes(all[at - 1]?.text ?? "")) return false;
  let depth = 0;
  for (let n = at - 1; n >= 0; n--) {
    const text = all[n]?.text ?? "";
    if (["}", ")", "]", "end"].includes(text)) depth++;
    else if (["{", "(", "[", "function"].includes(text) && depth-- === 0) return text === "{";
  }
  return false;
}

/** Back over `name . name : name [ "constant" ] …`; undefined behind a call, whose value can't be had again. */
function chainStart(all: readonly Word[], at: number): number | undefined {
  let first = at;
  for (;;) {
    const link = all[first - 1]?.text;
    if (link !== "." && link !== ":") return first;
    let before = first - 2;
    while (all[before]?.text === "]") {
      const index = all[before - 1];
      if (all[before - 2]?.text !== "[" || !index || !["string", "number", "name"].includes(index.kind))
        return undefined;
      before -= 3;
    }
    if (all[before]?.kind !== "name") return undefined;
    first = before;
  }
}

/**
 * Names in a part of a text that may be variables: no fields, methods, keys, labels; each once a line.
 * What functions inside of the part name are other variables.
 */
export function variables(text: string, from: number, to: number): Range[] {
  const all = words(text).filter((word) => word.kind !== "comment");
  const found = new Map<string, Range>();
  const inside = insideFunctions(all, from);
  let [line, counted] = [0, 0];
  all.forEach((word, at) => {
    if (word.kind !== "name" || word.start < from || word.start >= to || inside.has(word)) return;
    if ([".", ":"].includes(all[at - 1]?.text ?? "") || isLabel(all, at) || isKey(all, at)) return;
    if (["(", "{"].includes(all[at + 1]?.text ?? "") || all[at + 1]?.kind === "string") return; // a call
    if (all[at - 1]?.text === "<" && all[at + 1]?.text === ">") return; // <const>
    line += text.slice(counted, word.start).split("\n").length - 1;
    counted = word.start;
    found.set(`${line} ${word.text}`, {
      text: word.text,
      start: word.start,
      end: word.start + word.text.length,
    });
  });
  return [...found.values()];
}

/** The words of functions that begin after an offset. */
function insideFunctions(all: readonly Word[], from: number): Set<Word> {
  const open: Word[] = [];
  const found = new Set<Word>();
  for (const word of all) {
    if (word.kind === "keyword" && CLOSES.has(word.text)) open.pop();
    if (open.some((one) => one.text === "function" && one.start > from)) found.add(word);
    if (word.kind === "keyword" && OPENS.has(word.text)) open.push(word);
  }
  return found;
}

export interface Exported {
  readonly name: string; // as its module gives it: "add", "Account.deposit"
  readonly call: string; // how to call it once `module` is what the file returns, or as a global
  readonly parameters: readonly string[];
  readonly offset: number;
}

/** Global functions, and those of the table that the file returns. In one pass: a file may have 20,000 lines. */
export function exportedFunctions(text: string): Exported[] {
  const all = words(text).filter((word) => word.kind !== "comment");
  const returned = returnedName(all);
  const found: Exported[] = [];
  let depth = 0; // of blocks: `for` and `while` open theirs with `do`, `else` goes on
  all.forEach((word, at) => {
    if (word.kind !== "keyword") return;
    const exported = depth === 0 ? exportedAt(all, at, returned) : undefined;
    if (exported) found.push(exported);
    if (OPENS.has(word.text)) depth++;
    else if (CLOSES.has(word.text)) depth = Math.max(depth - 1, 0);
  });
  return found;
}

function exportedAt(all: readonly Word[], at: number, returned: string | undefined): Exported | undefined {
  if (all[at]?.text !== "function" || all[at - 1]?.text === "local") return undefined;
  let open = at + 1;
  while (open < all.length && all[open]?.text !== "(") open++;
  const chain = all.slice(at + 1, open);
  const root = chain[0];
  if (root?.kind !== "name" || (chain.length > 1 && root.text !== returned)) return undefined;
  if (chain.some((one) => one.text === ":")) return undefined; // it needs an object
  const name = chain.map((one) => one.text).join("");
  const call = chain.length > 1 ? `module${name.slice(root.text.length)}` : name;
  return { name, call, parameters: parametersFrom(all, open), offset: all[at].start };
}

/** The NAME of `return NAME` at the end. */
function returnedName(all: readonly Word[]): string | undefined {
  const last = all.filter((word) => word.text !== ";").slice(-2);
  return last[0]?.text === "return" && last[1]?.kind === "name" ? last[1].text : undefined;
}

const OPENS = new Set(["function", "do", "then", "repeat"]);
const CLOSES = new Set(["end", "until", "elseif"]);

function parametersFrom(all: readonly Word[], open: number): string[] {
  const found: string[] = [];
  for (let n = open + 1; n < all.length && all[n]?.text !== ")"; n++)
    if (all[n]?.text !== ",") found.push(all[n]?.text ?? "");
  return found;
}

/** A program that calls an exported function with arguments written in Lua, and prints what it returns. */
export function callingProgram(
  file: string,
  exported: Exported,
  args: string,
  quoted: (text: string) => string,
): string {
  const load = `local module = dofile(${quoted(file)})`;
  return `-- Calls ${exported.name} of ${file.replace(/\n/g, " ")}\n${load}\nprint(${exported.call}(${args}))\n`;
}

/** Where the innermost function around an offset begins; 0 in the main chunk. */
export function functionAround(text: string, offset: number): number {
  const open: Word[] = [];
  for (const word of words(text)) {
    if (word.start >= offset) break;
    if (word.kind !== "keyword") continue;
    if (OPENS.has(word.text)) open.push(word);
    else if (CLOSES.has(word.text)) open.pop();
  }
  return open.findLast((word) => word.text === "function")?.start ?? 0;
}
