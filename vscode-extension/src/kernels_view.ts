/** The Kernels view: what runs, its state; attach, stop, open the log. */

import * as vscode from "vscode";
import { attachTo, TYPE } from "./plain/configuration";
import { describe, isConnectionFile, looksSame, readStatus, type KernelStatus } from "./plain/kernels";
import { advice } from "./plain/python";
import { FolderWatch } from "./plain/watching";
import type { Pythons } from "./pythons";

const STARTING = 3000; // ms until one that is silent is asked once more: it may be starting
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
  kernels.isSeen = () => view.visible;
  const look = (): void => void kernels.look();
  const lookFor = (session: vscode.DebugSession): void => {
    if (session.type === TYPE) look();
  };
  context.subscriptions.push(
    view,
    kernels,
    pythons.onDidChange(look),
    view.onDidChangeVisibility(look),
    vscode.window.onDidChangeWindowState(look), // the user is back, from a terminal perhaps
    vscode.debug.onDidStartDebugSession(lookFor),
    vscode.debug.onDidTerminateDebugSession(lookFor),
    vscode.commands.registerCommand("llmspell.kernels.refresh", look),
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

/** Nothing is polled: the folder of the connection files is watched, the rest is asked for when there is a reason. */
export class Kernels implements vscode.TreeDataProvider<KernelStatus>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private shown: KernelStatus[] | undefined;
  private turn: Promise<unknown> = Promise.resolve(); // questions, one after another: the last answer is the newest
  private watch: { readonly folder: string; readonly watch: FolderWatch } | undefined;
  private again: NodeJS.Timeout | undefined;
  tell: (message: string | undefined) => void = () => undefined;
  isSeen: () => boolean = () => false;

  constructor(private readonly pythons: Pythons) {}

  /** What is not seen is asked for when it is; what looks the same is not drawn anew: that would close menus. */
  async look(): Promise<void> {
    if (this.isSeen() && (await this.ask())) this.changed.fire(undefined);
  }

  /** Whether they look different from now on. */
  private ask(): Promise<boolean> {
    const answer = this.turn.then(async () => {
      const { kernels, problem } = await this.status(vscode.workspace.workspaceFolders?.[0]);
      this.tell(problem ?? (kernels.length === 0 ? "No kernel is running." : undefined));
      clearTimeout(this.again);
      if (kernels.some((kernel) => kernel.state === "silent"))
        this.again = setTimeout(() => void this.look(), STARTING);
      const before = this.shown;
      this.shown = kernels;
      return !before || !looksSame(before, kernels);
    });
    this.turn = answer.catch(() => undefined);
    return answer;
  }

  private follow(folder: string | undefined): void {
    if (folder === this.watch?.folder) return;
    this.watch?.watch.close();
    const changed = (): void => void this.look();
    this.watch =
      folder === undefined
        ? undefined
        : { folder, watch: new FolderWatch(folder, isConnectionFile, changed) };
  }

  async getChildren(kernel?: KernelStatus): Promise<KernelStatus[]> {
    if (kernel) return [];
    if (!this.shown) await this.ask();
    return this.shown ?? [];
  }

  getTreeItem(kernel: KernelStatus): vscode.TreeItem {
    const item = new vscode.TreeItem(kernel.id);
    item.id = kernel.id; // the one that is selected stays selected
    item.description = kernel.pid === undefined ? kernel.state : `${kernel.state}, process ${kernel.pid}`;
    item.iconPath = new vscode.ThemeIcon(ICONS.get(kernel.state) ?? "server-process");
    item.contextValue = "kernel";
    return item;
  }

  /** What the mouse shows is asked for then. */
  async resolveTreeItem(item: vscode.TreeItem, kernel: KernelStatus): Promise<vscode.TreeItem> {
    await this.look();
    const now = this.shown?.find((one) => one.id === kernel.id);
    const time = new Date().toLocaleTimeString();
    item.tooltip = new vscode.MarkdownString(`${describe(now ?? kernel)}\n\n_at ${time}_`);
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
    this.follow(python.kind === "ready" ? python.runtime : undefined);
    if (python.kind !== "ready") return { kernels: [], problem: advice(python).text };
    if (!python.commands.includes("kernel"))
      return { kernels: [], problem: `llmspell ${python.version} has no kernels.` };
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
    await this.look();
  }

  async openLog(given: KernelStatus | undefined): Promise<void> {
    const kernel = await this.chosen(given);
    if (kernel?.logFile) await vscode.window.showTextDocument(vscode.Uri.file(kernel.logFile));
    else if (kernel) void vscode.window.showInformationMessage(`Kernel ${kernel.id} writes no log file.`);
  }

  private async chosen(given: KernelStatus | undefined): Promise<KernelStatus | undefined> {
    if (given) return given;
    const { kernels, problem } = await this.status(vscode.workspace.workspaceFolders?.[0]);
    if (kernels.length === 0) void vscode.window.showInformationMessage(problem ?? "No kernel is running.");
    if (kernels.length === 0) return undefined;
    const items = kernels.map((kernel) => ({ label: kernel.id, description: kernel.state, kernel }));
    return (await vscode.window.showQuickPick(items, { placeHolder: "A kernel" }))?.kernel;
  }

  dispose(): void {
    this.follow(undefined);
    clearTimeout(this.again);
    this.changed.dispose();
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
