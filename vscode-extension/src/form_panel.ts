/** The panel of "Invoke…": shows the form of a tool, runs the tool with what is written there. */

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { fields, filled, page } from "./plain/form";
import { callText, type Tool } from "./plain/tools";
import { insert, type Tools } from "./tools_view";

interface Said {
  readonly kind: "run" | "insert";
  readonly values: Readonly<Record<string, string>>;
}

export function openForm(context: vscode.ExtensionContext, tool: Tool, tools: Tools): void {
  const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: false };
  const options = { enableScripts: true, localResourceRoots: [], retainContextWhenHidden: false };
  const panel = vscode.window.createWebviewPanel("llmspell.form", tool.name, place, options);
  const closed = new AbortController();
  panel.webview.html = page(tool, randomBytes(16).toString("hex"));
  panel.webview.onDidReceiveMessage((said: Said) => hear(said, tool, tools, panel, closed.signal));
  panel.onDidDispose(() => {
    closed.abort(); // a tool whose answer nobody sees is ended
  });
  context.subscriptions.push(panel);
}

async function hear(
  said: Said,
  tool: Tool,
  tools: Tools,
  panel: vscode.WebviewPanel,
  closed: AbortSignal,
): Promise<void> {
  const { parameters, problems } = filled(fields(tool.schema), said.values);
  if (Object.keys(problems).length > 0) {
    await panel.webview.postMessage({ problems });
    return;
  }
  if (said.kind === "insert") {
    await insert(escapedForSnippet(callText(tool.name, parameters)));
    return;
  }
  await panel.webview.postMessage({ text: "…" });
  const invoked = await tools.invoke(tool, parameters, closed);
  if (!closed.aborted) await panel.webview.postMessage(invoked);
}

function escapedForSnippet(text: string): string {
  return text.replace(/[\\$}]/g, "\\$&");
}
