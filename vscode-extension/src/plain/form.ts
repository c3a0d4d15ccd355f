/** The form of "Invoke…", made from a tool's schema; and what was written in it, as parameters. */

import { choices, kinds, needed, type Schema, type Tool } from "./tools";

export interface Field {
  readonly name: string;
  readonly kinds: readonly string[];
  readonly choices: readonly unknown[];
  readonly needed: boolean;
  readonly description: string;
  readonly preset: unknown;
}

export function fields(schema: Schema): Field[] {
  const must = needed(schema);
  const all = Object.entries(schema.properties ?? {}).map(([name, one]) => ({
    name,
    kinds: kinds(one),
    choices: choices(one),
    needed: must.includes(name),
    description: one.description ?? "",
    preset: one.default,
  }));
  return [...all.filter((one) => one.needed), ...all.filter((one) => !one.needed)];
}

export interface Filled {
  readonly parameters: Record<string, unknown>;
  readonly problems: Record<string, string>; // by field
}

/** What is empty is not given. A text is taken as JSON where the field holds what JSON says, else as it is. */
export function filled(all: readonly Field[], values: Readonly<Record<string, string>>): Filled {
  const result: Filled = { parameters: {}, problems: {} };
  for (const field of all) {
    const text = values[field.name] ?? "";
    if (text === "") continue;
    const value = read(field, text);
    if (value === undefined) result.problems[field.name] = `must be ${inWords(field)}`;
    else result.parameters[field.name] = value;
  }
  return result;
}

function read(field: Field, text: string): unknown {
  if (field.choices.length > 0) {
    const choice = field.choices.find((one) => shown(one) === text);
    if (choice !== undefined || !field.kinds.some((kind) => kind !== "enum")) return choice;
  }
  if (field.kinds.length === 1 && field.kinds[0] === "string") return text;
  const value = parsed(text);
  if (value !== undefined && (field.kinds.includes("anything") || fits(value, field.kinds))) return value;
  return field.kinds.includes("string") || field.kinds.includes("anything") ? text : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function fits(value: unknown, allowed: readonly string[]): boolean {
  if (Array.isArray(value)) return allowed.includes("array");
  if (value === null) return false;
  if (typeof value === "number")
    return allowed.includes("number") || (allowed.includes("integer") && Number.isInteger(value));
  return allowed.includes(typeof value);
}

const WORDS: Record<string, string> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  array: "a list, as JSON: [1, 2]",
  object: 'an object, as JSON: {"key": "value"}',
  enum: "one of the choices",
  anything: "a value",
};

function inWords(field: Field): string {
  return field.kinds.map((kind) => WORDS[kind] ?? kind).join(" or ");
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function escaped(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (c) => entities[c] ?? c);
}

/** A whole page. `nonce` allows its one script; everything else is forbidden to it. */
export function page(tool: Tool, nonce: string): string {
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escaped(tool.name)}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<h1>${escaped(tool.name)}</h1>
<p>${escaped(tool.description)}</p>
<form>
${fields(tool.schema).map(row).join("\n")}
<div class="buttons"><button type="submit">Run</button> <button type="button" id="insert" class="second">Insert Call</button></div>
</form>
<pre id="result" role="status" hidden></pre>
<script nonce="${nonce}">${SCRIPT}</script>
</body>
</html>`;
}

function row(field: Field): string {
  const id = escaped(`field-${field.name}`);
  const mark = field.needed ? ' <span class="needed">needed</span>' : "";
  return `<div class="field">
<label for="${id}">${escaped(field.name)}${mark}</label>
${control(field, `id="${id}" name="${escaped(field.name)}" aria-describedby="${id}-about"`)}
<div class="about" id="${id}-about">${escaped(field.description || inWords(field))}</div>
<div class="problem" data-for="${escaped(field.name)}"></div>
</div>`;
}

function control(field: Field, attributes: string): string {
  const placeholder = field.preset === undefined ? "" : escaped(shown(field.preset));
  const options =
    field.kinds.join() === "boolean" ? [true, false] : field.kinds.join() === "enum" ? field.choices : [];
  if (options.length > 0) {
    const first = `<option value="">${placeholder ? `(${placeholder})` : ""}</option>`;
    const rest = options.map((one) => `<option>${escaped(shown(one))}</option>`);
    return `<select ${attributes}>${first}${rest.join("")}</select>`;
  }
  const number = field.kinds.every((kind) => kind === "number" || kind === "integer");
  if (number) return `<input type="text" inputmode="decimal" ${attributes} placeholder="${placeholder}">`;
  return `<textarea rows="1" ${attributes} placeholder="${placeholder}"></textarea>`;
}

const STYLE = `
body { font-family: var(--vscode-font-family); color: var(--vscode-foreground); max-width: 46em; padding: 0 1.5em 2em; }
h1 { font-size: 1.5em; margin-bottom: 0; }
.field { margin: 0.9em 0; }
label { display: block; font-weight: 600; margin-bottom: 0.2em; }
.needed { font-weight: normal; color: var(--vscode-editorWarning-foreground); }
.about { color: var(--vscode-descriptionForeground); font-size: 0.9em; margin-top: 0.2em; }
.problem { color: var(--vscode-errorForeground); }
input, textarea, select { box-sizing: border-box; width: 100%; padding: 4px 6px; font: inherit; field-sizing: content;
  color: var(--vscode-input-foreground); background: var(--vscode-input-background);
  border: 1px solid var(--vscode-input-border, var(--vscode-widget-border, transparent)); }
input, textarea { font-family: var(--vscode-editor-font-family); }
select { color: var(--vscode-dropdown-foreground); background: var(--vscode-dropdown-background);
  border-color: var(--vscode-dropdown-border); }
:focus { outline: 1px solid var(--vscode-focusBorder); outline-offset: -1px; }
button { font: inherit; padding: 5px 14px; border: 0; cursor: pointer;
  color: var(--vscode-button-foreground); background: var(--vscode-button-background); }
button.second { border: 1px solid var(--vscode-button-border, var(--vscode-widget-border)); color: var(--vscode-button-secondaryForeground); background: var(--vscode-button-secondaryBackground); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 0.8em; background: var(--vscode-textCodeBlock-background); }
pre.failed { color: var(--vscode-errorForeground); }
`;

const SCRIPT = `
const vscode = acquireVsCodeApi();
const form = document.querySelector("form");
const result = document.getElementById("result");
const controls = [...form.querySelectorAll("[name]")];
const before = vscode.getState() ?? {};
for (const one of controls) one.value = before[one.name] ?? "";
const values = () => Object.fromEntries(controls.map((one) => [one.name, one.value]));
form.addEventListener("input", () => vscode.setState(values()));
form.addEventListener("submit", (event) => { event.preventDefault(); vscode.postMessage({ kind: "run", values: values() }); });
form.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(); });
document.getElementById("insert").addEventListener("click", () => vscode.postMessage({ kind: "insert", values: values() }));
window.addEventListener("message", ({ data }) => {
  for (const one of document.querySelectorAll(".problem")) one.textContent = data.problems?.[one.dataset.for] ?? "";
  result.hidden = data.text === undefined;
  result.textContent = data.text ?? "";
  result.className = data.failed ? "failed" : "";
});
controls[0]?.focus();
vscode.postMessage({ kind: "ready", values: {} });
`;
