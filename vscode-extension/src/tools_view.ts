/** The Tools view: by category, with the schema on hover, "Invoke…" and "Insert Call". */

import * as vscode from "vscode";
import { openForm } from "./form_panel";
import { advice } from "./plain/python";
import { byCategory, callSnippet, describe, readTools, type Tool } from "./plain/tools";
import type { Pythons, Ready } from "./pythons";

type Node = { readonly category: string; readonly tools: readonly Tool[] } | { readonly tool: Tool };

export function registerTools(
  context: vscode.ExtensionContext,
  pythons: Pythons,
  log: vscode.LogOutputChannel,
): void {
  const tools = new Tools(pythons, log);
  const view = vscode.window.createTreeView("llmspell.tools", {
    treeDataProvider: tools,
    showCollapseAll: true,
  });
  tools.tell = (message) => {
    view.message = message ?? "";
  };
  tools.counted = (count) => {
    view.description = count === 0 ? "" : String(count);
  };
  const refresh = (): void => {
    tools.refresh();
  };
  const saved = (document: vscode.TextDocument): void => {
    if (document.fileName.endsWith("llmspell.toml")) refresh();
  };
  context.subscriptions.push(
    view,
    tools,
    pythons.onDidChange(refresh),
    vscode.workspace.onDidSaveTextDocument(saved),
    vscode.commands.registerCommand("llmspell.tools.refresh", refresh),
    vscode.commands.registerCommand("llmspell.tools.invoke", async (node?: Node) => {
      const tool = await tools.chosen(node);
      if (tool) openForm(context, tool, tools);
    }),
    vscode.commands.registerCommand("llmspell.tools.find", async () => {
      const tool = await tools.chosen(undefined);
      if (tool) openForm(context, tool, tools);
    }),
    vscode.commands.registerCommand("llmspell.tools.insertCall", async (node?: Node) => {
      const tool = await tools.chosen(node);
      if (tool) await insert(callSnippet(tool));
    }),
  );
}

export interface Invoked {
  readonly text: string;
  readonly failed: boolean;
}

export class Tools implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  tell: (message: string | undefined) => void = () => undefined;
  counted: (count: number) => void = () => undefined;

  constructor(
    private readonly pythons: Pythons,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  refresh(): void {
    this.changed.fire(undefined);
  }

  dispose(): void {
    this.changed.dispose();
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node) return "tools" in node ? node.tools.map((tool) => ({ tool })) : [];
    const all = await this.all();
    this.counted(all.length);
    return [...byCategory(all)].map(([category, tools]) => ({ category, tools }));
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if ("tools" in node) return categoryItem(node.category, node.tools);
    const item = new vscode.TreeItem(node.tool.name);
    item.description = node.tool.description;
    item.tooltip = new vscode.MarkdownString(describe(node.tool));
    item.iconPath = new vscode.ThemeIcon("tools");
    item.contextValue = "tool";
    item.command = { command: "llmspell.tools.invoke", title: "Invoke…", arguments: [node] };
    return item;
  }

  /** The tool of a node, or one that the user picks. */
  async chosen(node: Node | undefined): Promise<Tool | undefined> {
    if (node) return "tool" in node ? node.tool : undefined;
    const tools = await this.all();
    const items = tools.map((tool) => ({
      label: tool.name,
      description: tool.category,
      detail: tool.description,
      tool,
    }));
    return (await vscode.window.showQuickPick(items, { placeHolder: "A tool", matchOnDetail: true }))?.tool;
  }

  async invoke(tool: Tool, parameters: object, signal: AbortSignal): Promise<Invoked> {
    const folder = vscode.workspace.workspaceFolders?.[0];
    const python = await this.pythons.need(folder);
    if (!python) return { text: "There is no llmspell to run it.", failed: true };
    const args = ["tool", "run", tool.name, JSON.stringify(parameters)];
    const ended = await this.pythons.llmspell(python, folder, args, signal, 24 * 60 * 60);
    if (ended.code === 0) return { text: ended.stdout.trimEnd(), failed: false };
    if (signal.aborted) return { text: "Stopped.", failed: true };
    return {
      text: ended.stderr.trim().replace(/^llmspell: /, "") || `exit code ${String(ended.code)}`,
      failed: true,
    };
  }

  private async all(): Promise<Tool[]> {
    const folder = vscode.workspace.workspaceFolders?.[0];
    const python = await this.pythons.find(folder);
    this.tell(python.kind === "ready" ? undefined : advice(python).text);
    return python.kind === "ready" ? this.list(python, folder) : [];
  }

  private async list(python: Ready, folder: vscode.WorkspaceFolder | undefined): Promise<Tool[]> {
    const ended = await this.pythons.llmspell(python, folder, ["tool", "list", "--json"]);
    try {
      if (ended.code === 0) return readTools(ended.stdout);
    } catch (error) {
      this.log.error(String(error), ended.stdout);
    }
    this.tell(`The tools can't be listed: ${ended.stderr.trim().split("\n").at(-1) ?? ""}`);
    return [];
  }
}

/** Closed: the tools of all categories together are longer than the view; which there are is seen at once. */
function categoryItem(category: string, tools: readonly Tool[]): vscode.TreeItem {
  const item = new vscode.TreeItem(category, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `category ${category}`; // one that the user has opened stays open when the list is read again
  item.description = String(tools.length);
  item.tooltip = tools.map((tool) => tool.name).join(", ");
  return item;
}

/** Into the Lua text that was edited last. */
export async function insert(snippet: string): Promise<void> {
  const isLua = (one: vscode.TextEditor): boolean => one.document.languageId === "lua";
  const active = vscode.window.activeTextEditor;
  const editor = active && isLua(active) ? active : vscode.window.visibleTextEditors.find(isLua);
  if (!editor) {
    void vscode.window.showErrorMessage("Open a Lua file to insert the call into.");
    return;
  }
  await vscode.window.showTextDocument(editor.document, editor.viewColumn);
  await vscode.window.activeTextEditor?.insertSnippet(new vscode.SnippetString(snippet));
}
