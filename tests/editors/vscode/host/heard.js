// What sessions say, and small things that every story needs.
"use strict";
const vscode = require("vscode");

const PATIENCE = 60_000;
const folders = () => vscode.workspace.workspaceFolders;
const file = (folder, name) => vscode.Uri.joinPath(folder.uri, name);
const launch = (more) => ({ type: "llmspell", request: "launch", name: "Lua", program: "${file}", ...more });

/** Everything that one kind of message has brought. */
class Heard {
  constructor() {
    this.messages = [];
    this.waiting = [];
    this.running = new Set();
    const hear = (session) => {
      this.running.add(session.id);
      return { onDidSendMessage: (message) => this.take({ session, message }) };
    };
    this.subscriptions = [
      vscode.debug.registerDebugAdapterTrackerFactory("llmspell", { createDebugAdapterTracker: hear }),
      vscode.debug.onDidTerminateDebugSession((session) => {
        this.running.delete(session.id);
        this.take({ session, message: { event: "over" } });
      }),
    ];
  }

  take(one) {
    this.messages.push(one);
    this.waiting.forEach((look) => look());
  }

  /** The first event that fits, taken away. */
  event(name, fits = () => true) {
    return this.first(name, ({ session, message }) => message.event === name && fits(message.body ?? {}, session));
  }

  /** The first answer to a request. */
  answer(command) {
    return this.first(command, ({ message }) => message.type === "response" && message.command === command);
  }

  first(name, fits) {
    return new Promise((resolve, reject) => {
      const told = () => JSON.stringify(this.messages.map((one) => one.message.event ?? one.message.command));
      const timer = setTimeout(() => reject(new Error(`no ${name}: ${told()}`)), PATIENCE);
      const look = () => {
        const at = this.messages.findIndex(fits);
        if (at < 0) return;
        clearTimeout(timer);
        this.waiting = this.waiting.filter((one) => one !== look);
        resolve(this.messages.splice(at, 1)[0]);
      };
      this.waiting.push(look);
      look();
    });
  }

  /** Ends every session. VS Code keeps one that is ending as the active one: the next story must not meet it. */
  async end() {
    await vscode.debug.stopDebugging().then(undefined, () => undefined); // one may be ending by itself just now
    while (this.running.size > 0) await this.event("over");
    this.subscriptions.forEach((one) => one.dispose());
  }
}

function breakAt(uri, line) {
  vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(new vscode.Location(uri, new vscode.Position(line - 1, 0)))]);
}

async function topFrame({ session, message }) {
  const answer = await session.customRequest("stackTrace", { threadId: message.body.threadId, startFrame: 0, levels: 1 });
  return answer.stackFrames[0];
}

const pathOf = (frame) => vscode.Uri.parse(frame.source.path).path;

exports.folders = folders;
exports.file = file;
exports.launch = launch;
exports.Heard = Heard;
exports.breakAt = breakAt;
exports.topFrame = topFrame;
exports.pathOf = pathOf;
