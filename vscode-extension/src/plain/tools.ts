/** Tools as `llmspell tool list --json` tells of them, and calls of them. */

export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly category: string;
  readonly schema: Schema;
}

export function readTools(stdout: string): Tool[] {
  const data: unknown = JSON.parse(stdout);
  if (!Array.isArray(data)) throw new Error("tool list gave no list of tools");
  return (data as Told[]).map((tool) => ({
    name: tool.name ?? "?",
    description: tool.description ?? "",
    category: tool.category ?? "other",
    schema: withoutAliases(tool.schema ?? {}, tool.parameter_aliases ?? {}),
  }));
}

interface Told extends Partial<Tool> {
  readonly parameter_aliases?: Readonly<Record<string, string>>; // other name → name
}

/** Two names of one parameter are one field of a form. */
function withoutAliases(schema: Schema, aliases: Readonly<Record<string, string>>): Schema {
  const properties = Object.entries(schema.properties ?? {}).filter(([name]) => !(name in aliases));
  return { ...schema, properties: Object.fromEntries(properties) };
}

export function byCategory(tools: readonly Tool[]): Map<string, Tool[]> {
  const found = new Map<string, Tool[]>();
  for (const tool of [...tools].sort((a, b) => a.name.localeCompare(b.name)))
    found.set(tool.category, [...(found.get(tool.category) ?? []), tool]);
  return new Map([...found].sort(([a], [b]) => a.localeCompare(b)));
}

/** The parameters a call can't do without; of alternatives ("input or expression") the first. */
export function needed(schema: Schema): string[] {
  const alternatives = (schema.allOf ?? []).flatMap((one) => one.anyOf?.[0]?.required ?? one.required ?? []);
  return [...new Set([...(schema.required ?? []), ...alternatives])];
}

/** Without null, which only says that a parameter may be left out. */
export function kinds(schema: Schema): string[] {
  if (schema.enum) return ["enum"];
  if (schema.anyOf) return [...new Set(schema.anyOf.flatMap(kinds))];
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? ["anything"]);
  return types.filter((type) => type !== "null");
}

export function choices(schema: Schema): readonly unknown[] {
  return schema.enum ?? schema.anyOf?.flatMap(choices) ?? [];
}

/** Markdown for a tooltip. */
export function describe(tool: Tool): string {
  const must = needed(tool.schema);
  const lines = Object.entries(tool.schema.properties ?? {}).map(([name, schema]) => {
    const options = choices(schema);
    const kind =
      options.length > 0 ? options.map((one) => JSON.stringify(one)).join(" | ") : kinds(schema).join(" or ");
    const preset = schema.default === undefined ? "" : ` = ${JSON.stringify(schema.default)}`;
    const mark = must.includes(name) ? " **(needed)**" : "";
    return `* \`${name}\`: \`${kind}${preset}\`${mark} ${schema.description ?? ""}`.trimEnd();
  });
  return [`**${tool.name}** (${tool.category})`, "", tool.description, "", ...lines].join("\n");
}

/** A snippet that calls the tool: what it needs, each with a place to write in. */
export function callSnippet(tool: Tool): string {
  const properties = tool.schema.properties ?? {};
  let places = 0;
  const parameters = needed(tool.schema).map((name) => {
    places += 1;
    return `${luaKey(name)} = ${placeholder(properties[name] ?? {}, places)}`;
  });
  if (parameters.length === 0) parameters.push("$1");
  return `Tool.get(${luaString(tool.name)}):execute { ${parameters.join(", ")} }$0`;
}

function placeholder(schema: Schema, place: number): string {
  const options = choices(schema);
  if (options.length > 0) {
    const texts = options.map((one) => luaValue(one).replace(/[\\,|}$]/g, "\\$&"));
    return `\${${place}|${texts.join(",")}|}`;
  }
  const kind = kinds(schema)[0];
  if (kind === "string") return `"\${${place}}"`;
  if (kind === "boolean") return `\${${place}|true,false|}`;
  if (kind === "array" || kind === "object") return `{ \${${place}} }`;
  return `\${${place}:${kind === "number" || kind === "integer" ? "0" : "nil"}}`;
}

/** The same call, with values. */
export function callText(tool: string, parameters: Readonly<Record<string, unknown>>): string {
  const inside = Object.entries(parameters).map(([name, value]) => `${luaKey(name)} = ${luaValue(value)}`);
  return `Tool.get(${luaString(tool)}):execute { ${inside.join(", ")} }`;
}

const RESERVED = new Set(
  "and break do else elseif end false for function goto if in local nil not or repeat return then true until while".split(
    " ",
  ),
);

function luaKey(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) && !RESERVED.has(name) ? name : `[${luaString(name)}]`;
}

/** JSON's escapes are Lua's, but for \u and those of no visible character. */
export function luaString(text: string): string {
  const escapes: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\" };
  // eslint-disable-next-line no-control-regex
  return `"${text.replace(/[\x00-\x1f\x7f"\\]/g, (c) => escapes[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`)}"`;
}

export function luaValue(value: unknown): string {
  if (value === null || value === undefined) return "nil";
  if (typeof value === "string") return luaString(value);
  if (Array.isArray(value)) return value.length ? `{ ${value.map(luaValue).join(", ")} }` : "{}";
  if (typeof value !== "object") return JSON.stringify(value);
  const inside = Object.entries(value).map(([name, item]) => `${luaKey(name)} = ${luaValue(item)}`);
  return inside.length ? `{ ${inside.join(", ")} }` : "{}";
}
