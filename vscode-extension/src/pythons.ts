/** Finds the Python that has llmspell, remembers it, and tells the user when there is none. */

import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute } from "node:path";
import type { PythonExtension } from "@vscode/python-extension"; // its types: nothing of it is bundled
import * as vscode from "vscode";
import { install } from "./installing";
import { run, type Ended } from "./plain/processes";
import {
  advice,
  candidates,
  choose,
  expandedPath,
  PROBE,
  readAnswer,
  type Answer,
  type Candidate,
  type Found,
} from "./plain/python";

export type Ready = Extract<Found, { kind: "ready" }>;
type Missing = Exclude<Found, Ready>;

/** For what a Python is looked for. */
interface Where {
  readonly folder: vscode.WorkspaceFolder | undefined;
  readonly configured: string;
}

const INSTALL = "Install llmspell";
const INSTALL_IN_VENV = "Install in .venv";

export class Pythons implements vscode.Disposable {
  private readonly found = new Map<string, Promise<Found>>();
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[] = [this.changed];
  private telling = false;
  private followsPythonExtension = false;
  /** Another Python may be the right one now. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly log: vscode.LogOutputChannel) {
    this.subscriptions.push(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("llmspell.python")) this.forget();
      }),
    );
  }

  forget(): void {
    this.found.clear();
    this.changed.fire();
  }

  /** Says nothing to the user. A success is remembered; a failure may have been mended meanwhile. */
  async find(folder: vscode.WorkspaceFolder | undefined, configured = ""): Promise<Found> {
    const key = `${folder?.uri.toString() ?? ""} ${configured}`;
    const known = this.found.has(key) ? await this.known(key) : undefined;
    if (known) return known;
    const search = this.search(folder, configured);
    this.found.set(key, search);
    const found = await search;
    if (found.kind !== "ready" && this.found.get(key) === search) this.found.delete(key);
    return found;
  }

  /** What was found, or is being looked for; not a .venv that has been removed since. */
  private async known(key: string): Promise<Found | undefined> {
    const found = await this.found.get(key);
    const isGone = found?.kind === "ready" && isAbsolute(found.command) && !existsSync(found.command);
    return isGone ? undefined : found;
  }

  /** The same, and one message that says what to do when there is none. */
  async need(folder: vscode.WorkspaceFolder | undefined, configured = ""): Promise<Ready | undefined> {
    const found = await this.find(folder, configured);
    if (found.kind === "ready") return found;
    void this.tell(found, { folder, configured });
    return undefined;
  }

  /** Runs `llmspell …` to its end, in the folder, where its project's settings are found. */
  async llmspell(
    python: Ready,
    folder: vscode.WorkspaceFolder | undefined,
    args: readonly string[],
    signal?: AbortSignal,
    seconds = 30,
  ): Promise<Ended> {
    this.log.debug(`llmspell ${args.join(" ")}`);
    return run(python.command, ["-m", "llmspell_kernel", ...args], {
      cwd: folder?.uri.fsPath,
      signal,
      seconds,
    });
  }

  private async search(folder: vscode.WorkspaceFolder | undefined, configured: string): Promise<Found> {
    const setting = vscode.workspace.getConfiguration("llmspell", folder).get<string>("python", "");
    const folders = folder ? [folder] : (vscode.workspace.workspaceFolders ?? []);
    const places = {
      configured: expanded(configured, folder),
      setting: expanded(setting, folder),
      pythonExtension: await this.ofPythonExtension(folder?.uri),
      folders: folders.map((one) => one.uri.fsPath),
      windows: process.platform === "win32",
    };
    const found = await choose(candidates(places), (candidate) => this.ask(candidate));
    const told =
      found.kind === "ready" ? `llmspell ${found.version} of ${found.command}` : advice(found).text;
    this.log.info(told);
    return found;
  }

  private async ask(candidate: Candidate): Promise<Answer | string> {
    const ended = await run(candidate.command, ["-c", PROBE]);
    const answer = readAnswer(ended.stdout);
    this.log.debug(`${candidate.command} (${candidate.from}): ${JSON.stringify(answer ?? ended)}`);
    return answer ?? (ended.stderr.trim().split("\n").at(-1) || `it ended with code ${String(ended.code)}`);
  }

  private async ofPythonExtension(resource: vscode.Uri | undefined): Promise<string | undefined> {
    const extension = vscode.extensions.getExtension<PythonExtension>("ms-python.python");
    if (!extension) return undefined;
    try {
      const { environments } = await extension.activate();
      if (!this.followsPythonExtension) {
        this.followsPythonExtension = true;
        const forget = (): void => {
          this.forget();
        };
        this.subscriptions.push(environments.onDidChangeActiveEnvironmentPath(forget));
      }
      const active = environments.getActiveEnvironmentPath(resource);
      return (await environments.resolveEnvironment(active))?.executable.uri?.fsPath;
    } catch (error) {
      this.log.warn(`the Python extension gave no interpreter: ${String(error)}`);
      return undefined;
    }
  }

  private async tell(missing: Missing, where: Where): Promise<void> {
    if (this.telling) return; // one message is enough
    this.telling = true;
    const { text, install } = advice(missing);
    const actions = [
      ...(install ? [INSTALL] : []),
      ...(install && where.folder ? [INSTALL_IN_VENV] : []),
      "Choose Python…",
    ];
    const action = await vscode.window.showErrorMessage(text, ...actions);
    this.telling = false;
    if (action === "Choose Python…") await this.choosePython(where.folder);
    else if (action && install) await this.install(install, action === INSTALL_IN_VENV, where);
  }

  async choosePython(folder: vscode.WorkspaceFolder | undefined): Promise<void> {
    const chosen = await vscode.window.showOpenDialog({
      title: "The Python that has llmspell",
      openLabel: "Choose",
    });
    const path = chosen?.[0]?.fsPath;
    if (path === undefined) return;
    const target = folder ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
    await vscode.workspace.getConfiguration("llmspell", folder).update("python", path, target);
  }

  private async install(python: string, inVenv: boolean, where: Where): Promise<void> {
    const code = await install(python, inVenv ? where.folder : undefined);
    this.forget();
    if (code !== 0) {
      await this.tellOfFailure(python, code, inVenv, where);
      return;
    }
    const found = await this.find(where.folder, where.configured); // pip is content with an old one too
    if (found.kind === "ready")
      void vscode.window.showInformationMessage(`llmspell ${found.version} is installed.`);
    else await this.tell(found, where);
  }

  private async tellOfFailure(
    python: string,
    code: number | undefined,
    inVenv: boolean,
    where: Where,
  ): Promise<void> {
    const how = code === undefined ? "it was stopped" : `exit code ${code}`;
    const text = `llmspell could not be installed (${how}): the terminal says why.`;
    const another = inVenv || !where.folder ? [] : [INSTALL_IN_VENV]; // a system's Python often takes no packages
    if (await vscode.window.showErrorMessage(text, ...another)) await this.install(python, true, where);
  }

  dispose(): void {
    for (const one of this.subscriptions) one.dispose();
  }
}

function expanded(path: string, folder: vscode.WorkspaceFolder | undefined): string {
  const root = folder ?? vscode.workspace.workspaceFolders?.[0];
  const windows = process.platform === "win32";
  return expandedPath(path, {
    folder: root?.uri.fsPath,
    home: homedir(),
    environment: process.env,
    windows,
  });
}
