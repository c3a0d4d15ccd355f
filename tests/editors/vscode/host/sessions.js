// Sessions that a launch begins.
"use strict";
const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { cpSync, mkdirSync } = require("node:fs");
const { join } = require("node:path");
const vscode = require("vscode");
const { breakAt, file, folders, launch, pathOf, topFrame } = require("./heard.js");

exports.stories = {
  async "two sessions at once do not disturb each other"(heard) {
    const [folder] = folders();
    breakAt(file(folder, "main.lua"), 12);
    const started = ["one", "two"].map((name) =>
      vscode.debug.startDebugging(folder, launch({ name, program: file(folder, "main.lua").fsPath })),
    );
    assert.deepEqual(await Promise.all(started), [true, true]);
    const stops = [await heard.event("stopped", (_, s) => s.name === "one"), await heard.event("stopped", (_, s) => s.name === "two")];
    const [one, two] = stops.map((stop) => stop.session);
    const frames = await Promise.all(stops.map(topFrame));
    assert.deepEqual(frames.map((frame) => frame.line), [12, 12]);
    await one.customRequest("evaluate", { expression: "calls = 100", frameId: frames[0].id, context: "repl" });
    const { result } = await two.customRequest("evaluate", { expression: "calls", frameId: frames[1].id, context: "watch" });
    assert.equal(result, "0");
    await vscode.debug.stopDebugging(one);
    await heard.event("terminated", (_, session) => session === one);
    await two.customRequest("continue", { threadId: stops[1].message.body.threadId });
    await heard.event("stopped", (_, session) => session === two);
  },

  async "a program whose path has spaces, quotes and letters of all kinds is debugged"(heard) {
    const program = file(folders()[1], "wo ist's, \u00e4\u65e5\u672c %20 #1.lua");
    await vscode.workspace.fs.writeFile(program, Buffer.from("local a = 1\nprint(a)\n"));
    breakAt(program, 2);
    await vscode.commands.executeCommand("llmspell.debug", program);
    const stop = await heard.event("stopped");
    const frame = await topFrame(stop);
    assert.equal(frame.line, 2);
    assert.equal(pathOf(frame), program.path);
    const link = heard.event("output", (body) => body.output === "1\n");
    await stop.session.customRequest("continue", { threadId: stop.message.body.threadId });
    assert.equal((await link).message.body.source.path, program.fsPath);
    await heard.event("terminated");
  },

  async "each folder of a workspace runs its own programs in itself"(heard) {
    const second = folders()[1];
    const text = 'print("in " .. io.popen("pwd"):read())';
    await vscode.workspace.fs.writeFile(file(second, "where.lua"), Buffer.from(text));
    await vscode.commands.executeCommand("llmspell.run", file(second, "where.lua"));
    const { message } = await heard.event("output", (body) => body.output.startsWith("in "));
    assert.equal(message.body.output.trim(), `in ${second.uri.fsPath}`);
  },

  async "a program elsewhere is debugged with the files that are here"(heard) {
    const [folder] = folders();
    const there = join(folder.uri.fsPath, "..", "elsewhere");
    mkdirSync(there, { recursive: true });
    cpSync(file(folder, "main.lua").fsPath, join(there, "main.lua"));
    const python = vscode.workspace.getConfiguration("llmspell").get("python");
    const adapter = spawn(python, ["-m", "llmspell_dap", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const line = await new Promise((resolve) => adapter.stdout.once("data", (data) => resolve(String(data))));
      const port = Number(/:(\d+)\s*$/.exec(line)[1]);
      breakAt(file(folder, "main.lua"), 7);
      const pathMappings = [{ localRoot: "${workspaceFolder}", remoteRoot: there }];
      const program = join(there, "main.lua");
      assert.ok(await vscode.debug.startDebugging(folder, launch({ program, port, pathMappings })));
      const frame = await topFrame(await heard.event("stopped"));
      assert.equal(frame.line, 7);
      assert.equal(pathOf(frame), file(folder, "main.lua").path);
      await vscode.debug.stopDebugging();
      await heard.event("terminated");
    } finally {
      adapter.kill();
    }
  },

  async "errors that the configuration names stop the program"(heard) {
    const [folder] = folders();
    const program = file(folder, "main.lua").fsPath;
    assert.ok(await vscode.debug.startDebugging(folder, launch({ program, exceptions: ["raised"] })));
    const stop = await heard.event("stopped");
    assert.equal(stop.message.body.reason, "exception");
  },

  async "files have lenses for themselves and for what they export"() {
    const uri = file(folders()[0], "shapes.lua");
    await vscode.workspace.openTextDocument(uri);
    const lenses = await vscode.commands.executeCommand("vscode.executeCodeLensProvider", uri);
    const shown = lenses.map((lens) => `${lens.range.start.line} ${lens.command.title}`).sort();
    assert.deepEqual(shown, ["0 Debug", "0 Run", "2 Debug", "2 Run"]);
  },
};
