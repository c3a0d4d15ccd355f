/**
 * The debug adapter in a process of its own, on stdio. VS Code could start it by itself, but then what it
 * wrote last would be lost when it dies: here the session ends with the last lines of its log.
 */

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import * as vscode from "vscode";
import { encode, LastLines, Reader } from "./plain/framing";

const PATIENCE = 5000; // ms for the adapter to end when its input has; it needs some to end a program in C

const STARTS = new Set(["launch", "attach"]);

interface Message {
  readonly type: string;
  readonly seq?: number;
  readonly request_seq?: number;
  readonly command?: string;
  readonly event?: string;
}

export class ProcessAdapter implements vscode.DebugAdapter {
  private readonly sent = new vscode.EventEmitter<vscode.DebugProtocolMessage>();
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly reader = new Reader();
  private readonly lastLines = new LastLines(20);
  private readonly waiting = new Map<number | undefined, Message>(); // requests without an answer, by seq
  private why = "the debug adapter has ended";
  private started = false; // a session has begun
  private over = false; // the editor has been told of the end
  private gone = false; // the process has ended
  readonly onDidSendMessage = this.sent.event;

  constructor(
    command: string,
    args: readonly string[],
    cwd: string, // not the program's, whose modules would take the place of Python's
    private readonly log: vscode.LogOutputChannel,
    private readonly couldNotStart: () => void,
  ) {
    this.child = spawn(command, args, { cwd, stdio: "pipe", windowsHide: true });
    this.child.stdout.on("data", (data: Buffer) => {
      this.read(data);
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.lastLines.feed(text);
      this.log.info(`adapter: ${text.trimEnd()}`);
    });
    this.child.stdin.on("error", () => undefined); // it is gone; `close` tells so
    this.child.on("error", (error) => {
      this.ended(error.message);
    });
    this.child.on("close", (code, signal) => {
      this.ended(signal ? `killed by ${signal}` : `exit code ${String(code)}`);
    });
  }

  handleMessage(message: vscode.DebugProtocolMessage): void {
    this.trace("→", message);
    const request = message as Message;
    if (request.type === "request") this.waiting.set(request.seq, request);
    if (this.gone) this.refuseAll();
    else this.child.stdin.write(encode(message));
  }

  dispose(): void {
    this.over = true;
    this.sent.dispose();
    if (this.gone) return;
    this.child.stdin.end();
    const timer = setTimeout(() => this.child.kill("SIGKILL"), PATIENCE);
    this.child.on("close", () => {
      clearTimeout(timer);
    });
  }

  private read(data: Buffer): void {
    try {
      for (const message of this.reader.feed(data)) {
        this.trace("←", message);
        this.waiting.delete((message as Message).request_seq);
        if ((message as Message).event === "terminated") this.over = true;
        if (STARTS.has((message as Message).command ?? "")) this.started = true;
        this.sent.fire(message as vscode.DebugProtocolMessage);
      }
    } catch (error) {
      this.lastLines.feed(`${String(error)}\n`);
      this.child.kill("SIGKILL");
    }
  }

  private ended(how: string): void {
    if (this.gone) return;
    this.gone = true;
    this.log.info(`the debug adapter has ended (${how})`);
    if (this.over) return;
    this.over = true;
    const log = this.lastLines.toString();
    const text = `The debug adapter has ended unexpectedly (${how}).${log ? ` Its last lines:\n${log}` : ""}`;
    this.log.error(text);
    this.event("output", { category: "important", output: `${text}\n` });
    const last = log.split("\n").at(-1);
    this.why = `The debug adapter has ended unexpectedly (${how})${last ? `: ${last}` : "."}`;
    this.refuseAll();
    this.event("terminated");
    if (this.started) void this.tell();
    else this.couldNotStart(); // VS Code shows why, for it has asked for the start, or will
  }

  private async tell(): Promise<void> {
    if (await vscode.window.showErrorMessage(this.why, "Show Log")) this.log.show();
  }

  private trace(arrow: string, message: unknown): void {
    if (this.log.logLevel === vscode.LogLevel.Trace) this.log.trace(arrow, JSON.stringify(message));
  }

  private event(event: string, body?: object): void {
    this.sent.fire({
      type: "event",
      seq: 0,
      event,
      ...(body ? { body } : {}),
    });
  }

  /** Nobody is there to answer any more, but no request may wait for ever. */
  private refuseAll(): void {
    const requests = [...this.waiting.values()];
    this.waiting.clear();
    for (const { seq, command } of requests) {
      const success = command === "disconnect" || command === "terminate";
      const answer = { type: "response", seq: 0, request_seq: seq, command, success };
      const why = success ? {} : { message: this.why };
      this.sent.fire({ ...answer, ...why });
    }
  }
}
