/** Debug configurations, the adapter that they mean, and the commands that run a file. */

import * as vscode from "vscode";
import {
  adapterOf,
  attachTo,
  debugThisFile,
  resolved,
  SAVE_FIRST,
  TYPE,
  type Configuration,
  type Surroundings,
} from "./plain/configuration";
import type { KernelStatus } from "./plain/kernels";
import { callingProgram, type Exported } from "./plain/lua";
import { luaString } from "./plain/tools";
import { ProcessAdapter } from "./process_adapter";
import type { Pythons } from "./pythons";

type Folder = vscode.WorkspaceFolder | undefined;

export function registerDebugging(
  context: vscode.ExtensionContext,
  pythons: Pythons,
  kernels: (folder: Folder) => Promise<readonly KernelStatus[]>,
  log: vscode.LogOutputChannel,
): void {
  context.subscriptions.push(
    vscode.debug.registerDebugConfigurationProvider(TYPE, new Configurations(pythons)),
    vscode.debug.registerDebugConfigurationProvider(
      TYPE,
      { provideDebugConfigurations: async (folder) => offered(folder, await kernels(folder)) },
      vscode.DebugConfigurationProviderTriggerKind.Dynamic,
    ),
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, {
      createDebugAdapterDescriptor: (session) => descriptor(session, pythons, context.extensionPath, log),
    }),
    vscode.commands.registerCommand("llmspell.run", (uri?: vscode.Uri) => runFile(uri, true)),
    vscode.commands.registerCommand("llmspell.debug", (uri?: vscode.Uri) => runFile(uri, false)),
    vscode.commands.registerCommand(
      "llmspell.call",
      (uri: vscode.Uri, exported: Exported, noDebug: boolean) =>
        callFunction(context, uri, exported, noDebug),
    ),
  );
}

function offered(folder: Folder, kernels: readonly KernelStatus[]): Configuration[] {
  return [debugThisFile(surroundings(folder).hasFolder), ...kernels.map(attachTo)];
}

class Configurations implements vscode.DebugConfigurationProvider {
  constructor(private readonly pythons: Pythons) {}

  resolveDebugConfiguration(
    folder: Folder,
    given: vscode.DebugConfiguration,
  ): vscode.DebugConfiguration | undefined {
    const result = resolved(given, surroundings(folder));
    if ("configuration" in result) return result.configuration;
    void vscode.window.showErrorMessage(result.problem);
    return undefined;
  }

  /** Without a Python the session does not begin: the message about it is the only one. */
  async resolveDebugConfigurationWithSubstitutedVariables(
    folder: Folder,
    given: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    if (adapterOf(given).kind === "server") return given;
    return (await this.pythons.need(folder, pythonOf(given))) ? given : undefined;
  }
}

async function descriptor(
  session: vscode.DebugSession,
  pythons: Pythons,
  home: string,
  log: vscode.LogOutputChannel,
): Promise<vscode.DebugAdapterDescriptor | undefined> {
  const adapter = adapterOf(session.configuration);
  if (adapter.kind === "server") return new vscode.DebugAdapterServer(adapter.port, adapter.host);
  const python = await pythons.need(session.workspaceFolder, pythonOf(session.configuration));
  if (!python) return undefined;
  return new vscode.DebugAdapterInlineImplementation(
    new ProcessAdapter(python.command, adapter.args, home, log, () => {
      pythons.forget(); // llmspell may have been removed since: the next attempt looks anew
    }),
  );
}

function pythonOf(configuration: vscode.DebugConfiguration): string {
  return typeof configuration.python === "string" ? configuration.python : "";
}

/** Without a folder `${workspaceFolder}` means something in a workspace of one folder alone. */
function surroundings(folder: Folder): Surroundings {
  const document = vscode.window.activeTextEditor?.document;
  const lua = document?.languageId === "lua" ? document : undefined;
  return {
    luaFile: lua?.uri.scheme === "file" ? lua.fileName : undefined,
    isUnsaved: lua?.isUntitled ?? false,
    hasFolder: folder !== undefined || vscode.workspace.workspaceFolders?.length === 1,
  };
}

async function runFile(uri: vscode.Uri | undefined, noDebug: boolean): Promise<void> {
  const file = uri ?? vscode.window.activeTextEditor?.document.uri;
  if (file?.scheme !== "file") {
    void vscode.window.showErrorMessage(SAVE_FIRST);
    return;
  }
  await start(file, file, noDebug);
}

/** In the folder of the workspace that holds `home`. */
async function start(home: vscode.Uri, program: vscode.Uri, noDebug: boolean): Promise<void> {
  const folder = vscode.workspace.getWorkspaceFolder(home);
  const cwd = folder?.uri.fsPath ?? vscode.Uri.joinPath(home, "..").fsPath;
  const name = `${noDebug ? "Run" : "Debug"} ${home.path.split("/").at(-1) ?? ""}`;
  const configuration = { type: TYPE, request: "launch", name, program: program.fsPath, cwd };
  await vscode.debug.startDebugging(folder, configuration, { noDebug });
}

/** Calls one function, with arguments that are asked for, by a small program beside the workspace's state. */
async function callFunction(
  context: vscode.ExtensionContext,
  uri: vscode.Uri,
  exported: Exported,
  noDebug: boolean,
): Promise<void> {
  const key = `arguments of ${uri.toString()} ${exported.name}`;
  const args = await argumentsFor(exported, context.workspaceState.get(key, ""));
  if (args === undefined) return;
  await context.workspaceState.update(key, args);
  const folder = context.storageUri ?? context.globalStorageUri;
  await vscode.workspace.fs.createDirectory(folder);
  const home =
    uri.path
      .split("/")
      .at(-1)
      ?.replace(/\.lua$/, "") ?? ""; // another file may have a function of this name
  const program = vscode.Uri.joinPath(folder, `call ${exported.name.replace(/\W/g, "_")} of ${home}.lua`);
  const text = callingProgram(uri.fsPath, exported, args, luaString);
  await vscode.workspace.fs.writeFile(program, Buffer.from(text));
  await start(uri, program, noDebug);
}

async function argumentsFor(exported: Exported, before: string): Promise<string | undefined> {
  if (exported.parameters.length === 0) return "";
  return vscode.window.showInputBox({
    title: `${exported.name}(${exported.parameters.join(", ")})`,
    prompt: "The arguments, as Lua",
    placeHolder: exported.parameters.join(", "),
    value: before,
  });
}
