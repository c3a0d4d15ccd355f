/** The way in: what the extension consists of. */

import * as vscode from "vscode";
import { registerDebugging } from "./debugging";
import { registerKernels } from "./kernels_view";
import { LanguageServer } from "./language";
import { Pythons } from "./pythons";
import { registerTexts } from "./texts";
import { registerTools } from "./tools_view";

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("llmspell", { log: true });
  const pythons = new Pythons(log);
  const server = new LanguageServer(pythons, context.extensionPath, log);
  context.subscriptions.push(
    log,
    pythons,
    server,
    vscode.commands.registerCommand("llmspell.showLog", () => {
      log.show();
    }),
    vscode.commands.registerCommand("llmspell.choosePython", () =>
      pythons.choosePython(vscode.workspace.workspaceFolders?.[0]),
    ),
    vscode.commands.registerCommand("llmspell.restartLanguageServer", () => server.restart()),
  );
  const kernels = registerKernels(context, pythons);
  registerDebugging(context, pythons, (folder) => kernels.running(folder), log);
  registerTexts(context, server);
  registerTools(context, pythons, log);
  void server.restart();
}
