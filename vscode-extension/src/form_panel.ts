/** The panel of "Invoke…": shows the form of a tool, runs the tool with what is written there. */

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { fields, filled, page } from "./plain/form";
import { callText, type Tool } from "./plain/tools";
import { insert, type Tools } from "./tools_view";

interface Said {
  readonly kind: "ready" | "run" | "insert";
  readonly values: Readonly<Record<string, string>>;
}

export function openForm(context: vscode.ExtensionContext, tool: Tool, tools: Tools): void {
  const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: false };
  const options = { enableScripts: true, localResourceRoots: [], retainContextWhenHidden: false };
  const panel = vscode.window.createWebviewPanel("llmspell.form", tool.name, place, options);
  new Form(tool, tools, panel);
  context.subscriptions.push(panel);
}

/** One panel. VS Code drops the page when another is in front of it: what was told last is told again. */
class Form {
  private told: object | undefined;
  private readonly closed = new AbortController();

  constructor(
    private readonly tool: Tool,
    private readonly tools: Tools,
    private readonly panel: vscode.WebviewPanel,
  ) {
    panel.webview.html = page(tool, randomBytes(16).toString("hex"));
    panel.webview.onDidReceiveMessage((said: Said) => this.hear(said));
    panel.onDidDispose(() => {
      this.closed.abort(); // a tool whose answer nobody sees is ended
    });
  }

  private async hear(said: Said): Promise<void> {
    if (said.kind === "ready") {
      if (this.told) await this.panel.webview.postMessage(this.told);
      return;
    }
    const { parameters, problems } = filled(fields(this.tool.schema), said.values);
    if (Object.keys(problems).length > 0) await this.tell({ problems });
    else if (said.kind === "insert") await insert(escapedForSnippet(callText(this.tool.name, parameters)));
    else {
      await this.tell({ text: "…" });
      await this.tell(await this.tools.invoke(this.tool, parameters, this.closed.signal));
    }
  }

  private async tell(message: object): Promise<void> {
    this.told = message;
    if (!this.closed.signal.aborted) await this.panel.webview.postMessage(message);
  }
}

function escapedForSnippet(text: string): string {
  return text.replace(/[\\$}]/g, "\\$&");
}
