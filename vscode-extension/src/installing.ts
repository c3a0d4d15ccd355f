/** Installs llmspell, in a terminal where the user sees what happens. */

import * as vscode from "vscode";
import { pythonOf } from "./plain/python";

/** Into a Python, or into the .venv of a folder, made with it. Gives an exit code; undefined: the user stopped it. */
export async function install(
  python: string,
  venvOf: vscode.WorkspaceFolder | undefined,
): Promise<number | undefined> {
  const pip = ["-m", "pip", "install", "--upgrade", "llmspell"];
  if (!venvOf) return run(python, pip, undefined);
  const venv = vscode.Uri.joinPath(venvOf.uri, ".venv").fsPath;
  const made = await run(python, ["-m", "venv", venv], venvOf);
  return made === 0 ? run(pythonOf(venv, process.platform === "win32"), pip, venvOf) : made;
}

function run(
  python: string,
  args: string[],
  folder: vscode.WorkspaceFolder | undefined,
): Promise<number | undefined> {
  const scope = folder ?? vscode.TaskScope.Workspace;
  const execution = new vscode.ProcessExecution(python, args);
  return exitCodeOf(new vscode.Task({ type: "process" }, scope, "Install llmspell", "llmspell", execution));
}

function exitCodeOf(task: vscode.Task): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const executing = vscode.tasks.executeTask(task);
    const ended = vscode.tasks.onDidEndTaskProcess((event) => {
      void executing.then((execution) => {
        if (event.execution !== execution) return;
        ended.dispose();
        resolve(event.exitCode);
      });
    });
    executing.then(undefined, (error: unknown) => {
      ended.dispose();
      reject(error instanceof Error ? error : new Error(String(error)));
    });
  });
}
