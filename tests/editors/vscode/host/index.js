// Runs inside of VS Code's extension host, beside the installed extension: `run` is what the workbench calls.
"use strict";
const vscode = require("vscode");
const { Heard } = require("./heard.js");

const stories = {
  ...require("./sessions.js").stories,
  ...require("./kernels.js").stories,
  ...require("./neighbours.js").stories,
};

exports.run = async function run() {
  await vscode.extensions.getExtension("llmspell.llmspell").activate();
  const failed = [];
  for (const [name, story] of Object.entries(stories)) {
    const heard = new Heard();
    try {
      await story(heard);
      console.log(`ok: ${name}`);
    } catch (error) {
      failed.push(name);
      console.log(`FAILED: ${name}: ${error.stack}`);
    }
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    await heard.end();
  }
  if (failed.length > 0) throw new Error(`failed: ${failed.join("; ")}`);
};
