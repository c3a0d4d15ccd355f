import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { resolved, type Configuration } from "../src/plain/configuration";

interface Property {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly markdownDescription?: string;
}

interface Debugger {
  readonly type: string;
  readonly configurationAttributes: Record<
    string,
    { required?: readonly string[]; properties: Record<string, Property> }
  >;
  readonly initialConfigurations: readonly Configuration[];
  readonly configurationSnippets: readonly { label: string; body: Configuration }[];
}

const { contributes } = JSON.parse(readFileSync("package.json", "utf8")) as {
  contributes: { debuggers: [Debugger] };
};
const [ours] = contributes.debuggers;

function properties(request: string): Record<string, Property> {
  const found = ours.configurationAttributes[request];
  assert.ok(found, request);
  return found.properties;
}

function isOf(value: unknown, property: Property): boolean {
  if (property.enum) return property.enum.includes(value);
  const kind = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const kinds = [property.type].flat();
  return kinds.includes(kind) || (Number.isInteger(value) && kinds.includes("integer"));
}

test("each setting of a configuration is described and has a default of its type", () => {
  for (const request of ["launch", "attach"])
    for (const [name, property] of Object.entries(properties(request))) {
      assert.ok((property.description ?? property.markdownDescription ?? "").length > 10, name);
      assert.ok("default" in property, `${request}.${name} has no default`);
      assert.ok(isOf(property.default, property), `${request}.${name}`);
    }
});

test("the settings that the documentation promises are there", () => {
  const promised =
    "program args cwd env stopOnEntry noDebug console luaPath pathMappings exceptions host port runtime";
  for (const name of promised.split(" ")) assert.ok(name in properties("launch"), name);
  for (const name of ["connectionFile", "kernel", "host", "port", "key", "pathMappings", "exceptions"])
    assert.ok(name in properties("attach"), name);
});

/** What VS Code makes of a snippet: places are their presets, ^"…" is its inside as it is. */
function expanded(body: Configuration): Configuration {
  const text = JSON.stringify(body).replace(/"\^((?:[^"\\]|\\.)*)"/g, (_, inside: string) => {
    return JSON.parse(`"${inside}"`) as string;
  });
  const filled = text.replace(/\$\{\d+:((?:[^}\\]|\\.)*)\}/g, "$1").replace(/\\\$/g, "$");
  return JSON.parse(filled) as Configuration;
}

test("snippets and initial configurations are complete, and of what the schema knows", () => {
  const offered = [
    ...ours.configurationSnippets.map((one) => expanded(one.body)),
    ...ours.initialConfigurations,
  ];
  assert.equal(offered.length, 5);
  for (const one of offered) {
    const { type, request, name, ...rest } = one;
    assert.equal(type, "llmspell");
    assert.ok(name);
    for (const [key, value] of Object.entries(rest)) {
      const property = properties(request)[key];
      assert.ok(property, `${name}: ${key}`);
      assert.ok(isOf(value, property), `${name}: ${key} is ${JSON.stringify(value)}`);
    }
    const result = resolved(one, { luaFile: "/ws/main.lua", hasFolder: true });
    assert.ok("configuration" in result, JSON.stringify(result));
  }
});
