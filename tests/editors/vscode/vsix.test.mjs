// What is in the .vsix: what a user sees of it in VS Code, and nothing that only its authors need.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { builtinModules } from "node:module";
import { test } from "node:test";

const READ = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
const LIST = "import sys, zipfile; print(*zipfile.ZipFile(sys.argv[1]).namelist(), sep='\\n')";
const python = (...args) => execFileSync(process.env.PYTHON, ["-c", ...args], { maxBuffer: 1e8 });
const read = (name) => python(READ, process.env.VSIX, `extension/${name}`);

test("it holds what is shown and what runs, and nothing else", () => {
  const names = python(LIST, process.env.VSIX).toString().trim().split("\n");
  const ours = names.filter((name) => name.startsWith("extension/")).map((name) => name.slice("extension/".length));
  assert.deepEqual(ours.sort(), [
    "LICENSE.txt",
    "changelog.md",
    "dist/extension.js",
    "dist/third-party-licenses.txt",
    "icon.png",
    "images/llmspell.svg",
    "package.json",
    "readme.md",
  ]);
});

test("its texts are of this version, its icon is big enough", () => {
  const { version, icon, license } = JSON.parse(read("package.json"));
  assert.match(read("changelog.md").toString(), new RegExp(`^## ${version.replaceAll(".", "\\.")}$`, "m"));
  assert.match(read("readme.md").toString(), /^# llmspell for VS Code/);
  assert.match(read("LICENSE.txt").toString(), /Apache License/);
  assert.equal(license, "Apache-2.0");
  const png = read(icon);
  assert.equal(png.toString("latin1", 1, 4), "PNG");
  assert.ok(png.readUInt32BE(16) >= 128, "VS Code wants 128 pixels");
});

test("the bundle needs nothing but VS Code and node", () => {
  const needed = [...read("dist/extension.js").toString().matchAll(/\brequire\("([^"]+)"\)/g)].map((match) => match[1]);
  assert.ok(needed.includes("vscode"));
  const known = new Set(["vscode", ...builtinModules, ...builtinModules.map((name) => `node:${name}`)]);
  assert.deepEqual(needed.filter((name) => !known.has(name)), []);
});
