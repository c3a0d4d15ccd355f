// Beside other extensions: the stand-ins of ../standins.
"use strict";
const assert = require("node:assert/strict");
const { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const vscode = require("vscode");
const { file, folders } = require("./heard.js");

const setting = () => vscode.workspace.getConfiguration("llmspell");
const home = () => dirname(folders()[0].uri.fsPath);

/** A Python that notes each adapter that is started with it. */
function noting(path, name) {
  mkdirSync(dirname(path), { recursive: true });
  const text = `case "$*" in *llmspell_dap*) echo ${name} >>"${home()}/used";; esac\nexec ${setting().inspect("python").globalValue} "$@"`;
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** The Pythons that the adapter of a run was started with. */
async function usedFor(heard) {
  rmSync(join(home(), "used"), { force: true });
  const [folder] = folders();
  await vscode.commands.executeCommand("llmspell.run", file(folder, "main.lua"));
  await heard.event("output", (body) => body.output.startsWith("done"));
  await heard.event("terminated");
  return existsSync(join(home(), "used")) ? readFileSync(join(home(), "used"), "utf8").trim() : "";
}

/** What diagnostics a text has, by who says it; once llmspell's unknown tool is among them, and something of the other one's. */
async function problemsOf(uri) {
  for (;;) {
    const all = vscode.languages.getDiagnostics(uri);
    const told = all.map((one) => `${one.source}: ${one.code?.value ?? one.code}`).sort();
    if (told.some((one) => one.endsWith("unknown-tool")) && told.some((one) => one.startsWith("Lua"))) return told;
    await new Promise((resolve) => {
      const heard = vscode.languages.onDidChangeDiagnostics(() => {
        heard.dispose();
        resolve();
      });
    });
  }
}

exports.stories = {
  async "the Python extension's interpreter is taken, and another one when it is chosen"(heard) {
    await setting().update("python", "", vscode.ConfigurationTarget.Workspace);
    const { environments } = await vscode.extensions.getExtension("ms-python.python").activate();
    await environments.updateActiveEnvironmentPath(noting(join(home(), "one ä", "python"), "one"));
    assert.equal(await usedFor(heard), "one");
    await environments.updateActiveEnvironmentPath(noting(join(home(), "two", "python"), "two"));
    assert.equal(await usedFor(heard), "two");
  },

  async "without one the workspace's .venv is taken"(heard) {
    const { environments } = await vscode.extensions.getExtension("ms-python.python").activate();
    noting(join(folders()[0].uri.fsPath, ".venv/bin/python"), "venv");
    await environments.updateActiveEnvironmentPath("python"); // nothing is chosen there
    assert.equal(await usedFor(heard), "venv");
    rmSync(join(folders()[0].uri.fsPath, ".venv"), { recursive: true });
    await setting().update("python", undefined, vscode.ConfigurationTarget.Workspace);
  },

  async "what another Lua extension says is not said twice"() {
    const uri = file(folders()[0], "beside.lua");
    const text = 'local unused = 1\nnonesuch()\nlocal tool = Tool.get("calculatr")\nprint(tool)\n';
    await vscode.workspace.fs.writeFile(uri, Buffer.from(text));
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    assert.deepEqual(await problemsOf(uri), [
      "Lua Diagnostics.: undefined-global",
      "Lua Diagnostics.: unused-local",
      "llmspell: unknown-tool",
    ]);
    const place = new vscode.Position(3, 8); // print(to|ol)
    const offered = await vscode.commands.executeCommand("vscode.executeCompletionItemProvider", uri, place);
    const names = offered.items.filter((one) => one.kind !== vscode.CompletionItemKind.Text).map((one) => one.label.label ?? one.label);
    assert.deepEqual(names.filter((name) => name === "tool"), ["tool"]);
    const found = await vscode.commands.executeCommand("vscode.executeDefinitionProvider", uri, place);
    assert.equal(found.length, 1);
    // what only llmspell knows is there
    const inName = new vscode.Position(2, 25);
    const tools = await vscode.commands.executeCommand("vscode.executeCompletionItemProvider", uri, inName);
    assert.ok(tools.items.some((one) => (one.label.label ?? one.label) === "calculator"));
  },
};
