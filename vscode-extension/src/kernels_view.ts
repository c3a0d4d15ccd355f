/** The Kernels view: what runs, its state; attach, stop, open the log. */

import * as vscode from "vscode";
import { attachTo } from "./plain/configuration";
import { describe, readStatus, type KernelStatus } from "./plain/kernels";
import { advice } from "./plain/python";
import type { Pythons } from "./pythons";

const EVERY = 5000; // ms, while the view is seen
const STOPPING = 60; // s: a cell has the kernel's grace time to end; llmspell gives up after 30 itself, and says so
const ICONS = new Map([
  ["busy", "loading~spin"],
  ["silent", "warning"], // it runs and does not answer
  ["stale", "warning"], // it was killed; its file is removed when it has been told of
]);

export function registerKernels(context: vscode.ExtensionContext, pythons: Pythons): Kernels {
  const kernels = new Kernels(pythons);
  const view = vscode.window.createTreeView("llmspell.kernels", { treeDataProvider: kernels });
  kernels.tell = (message) => {
    view.message = message ?? "";
  };
  const refresh = (): void => {
    kernels.refresh();
  };
  const timer = setInterval(() => {
    if (view.visible && kernels.supported) refresh();
  }, EVERY);
  context.subscriptions.push(
    view,
    pythons.onDidChange(refresh),
    {
      dispose: () => {
        clearInterval(timer);
      },
    },
    vscode.commands.registerCommand("llmspell.kernels.refresh", refresh),
    vscode.commands.registerCommand("llmspell.kernels.attach", (kernel?: KernelStatus) =>
      kernels.attach(kernel),
    ),
    vscode.commands.registerCommand("llmspell.kernels.stop", (kernel?: KernelStatus) => kernels.stop(kernel)),
    vscode.commands.registerCommand("llmspell.kernels.openLog", (kernel?: KernelStatus) =>
      kernels.openLog(kernel),
    ),
  );
  return kernels;
}

export class Kernels implements vscode.TreeDataProvider<KernelStatus> {
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  supported = true; // until the installed llmspell says otherwise
  tell: (message: string | undefined) => void = () => undefined;

  constructor(private readonly pythons: Pythons) {}

  refresh(): void {
    this.changed.fire(undefined);
  }

  async getChildren(kernel?: KernelStatus): Promise<KernelStatus[]> {
    if (kernel) return [];
    const { kernels, problem } = await this.status(vscode.workspace.workspaceFolders?.[0]);
    this.tell(problem ?? (kernels.length === 0 ? "No kernel is running." : undefined));
    await vscode.commands.executeCommand("setContext", "llmspell.hasKernels", kernels.length > 0);
    return kernels;
  }

  getTreeItem(kernel: KernelStatus): vscode.TreeItem {
    const item = new vscode.TreeItem(kernel.id);
    item.description = kernel.pid === undefined ? kernel.state : `${kernel.state}, process ${kernel.pid}`;
    item.tooltip = new vscode.MarkdownString(describe(kernel));
    item.iconPath = new vscode.ThemeIcon(ICONS.get(kernel.state) ?? "server-process");
    item.contextValue = "kernel";
    return item;
  }

  /** Says nothing to the user. */
  async running(folder: vscode.WorkspaceFolder | undefined): Promise<readonly KernelStatus[]> {
    return (await this.status(folder)).kernels;
  }

  private async status(
    folder: vscode.WorkspaceFolder | undefined,
  ): Promise<{ readonly kernels: KernelStatus[]; readonly problem?: string }> {
    const python = await this.pythons.find(folder);
    if (python.kind !== "ready") return { kernels: [], problem: advice(python).text };
    this.supported = python.commands.includes("kernel");
    if (!this.supported) return { kernels: [], problem: `llmspell ${python.version} has no kernels.` };
    const ended = await this.pythons.llmspell(python, folder, ["kernel", "status", "-o", "json"]);
    try {
      if (ended.code === 0) return { kernels: readStatus(ended.stdout) };
      return { kernels: [], problem: `The kernels can't be listed: ${lastLine(ended.stderr)}` };
    } catch (error) {
      return { kernels: [], problem: String(error) };
    }
  }

  async attach(given: KernelStatus | undefined): Promise<void> {
    const kernel = await this.chosen(given);
    if (kernel) await vscode.debug.startDebugging(vscode.workspace.workspaceFolders?.[0], attachTo(kernel));
  }

  async stop(given: KernelStatus | undefined): Promise<void> {
    const kernel = await this.chosen(given);
    const folder = vscode.workspace.workspaceFolders?.[0];
    const python = kernel && (await this.pythons.need(folder));
    if (!python) return;
    const ended = await this.pythons.llmspell(
      python,
      folder,
      ["kernel", "stop", kernel.id],
      undefined,
      STOPPING,
    );
    if (ended.code !== 0)
      void vscode.window.showErrorMessage(`Kernel ${kernel.id} could not be stopped: ${ended.stderr.trim()}`);
    this.refresh();
  }

  async openLog(given: KernelStatus | undefined): Promise<void> {
    const kernel = await this.chosen(given);
    if (kernel?.logFile) await vscode.window.showTextDocument(vscode.Uri.file(kernel.logFile));
    else if (kernel) void vscode.window.showInformationMessage(`Kernel ${kernel.id} writes no log file.`);
  }

  private async chosen(given: KernelStatus | undefined): Promise<KernelStatus | undefined> {
    if (given) return given;
    const kernels = await this.running(vscode.workspace.workspaceFolders?.[0]);
    const items = kernels.map((kernel) => ({ label: kernel.id, description: kernel.state, kernel }));
    return (await vscode.window.showQuickPick(items, { placeHolder: "A kernel" }))?.kernel;
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
