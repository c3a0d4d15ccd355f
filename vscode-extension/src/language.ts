/** The language server (`llmspell lsp`), where the installed llmspell has one. */

import * as vscode from "vscode";
import { LanguageClient, RevealOutputChannelOn } from "vscode-languageclient/node";
import type { Pythons } from "./pythons";

const OTHERS = ["sumneko.lua", "tangzx.emmylua"]; // what any Lua language server does is theirs, if they are there

const SCHEMES = ["file", "untitled", "vscode-notebook-cell"]; // not the old texts of a diff (git:): they can't be changed

const EVALUATABLE = "llmspell.evaluatable";

export interface Evaluatable {
  readonly expression: string;
  readonly range: { readonly start: Place; readonly end: Place };
}

interface Place {
  readonly line: number;
  readonly character: number;
}

export class LanguageServer implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private turn: Promise<void> = Promise.resolve(); // starts and stops, one after another
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly pythons: Pythons,
    private readonly home: string,
    private readonly log: vscode.LogOutputChannel,
  ) {
    let everyday = wantsEveryday();
    this.subscriptions = [
      pythons.onDidChange(() => this.restart()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("llmspell.languageServer")) void this.restart();
      }),
      vscode.extensions.onDidChange(() => {
        if (everyday === wantsEveryday()) return;
        everyday = wantsEveryday();
        void this.restart();
      }),
    ];
  }

  hasInlineValues(): boolean {
    return Boolean(this.client?.initializeResult?.capabilities.inlineValueProvider);
  }

  /** What is to be evaluated for the mouse at a place: null is nothing; undefined if no server says so. */
  async evaluatable(
    document: vscode.TextDocument,
    position: vscode.Position,
  ): Promise<Evaluatable | null | undefined> {
    const { client } = this;
    if (!client?.initializeResult?.capabilities.executeCommandProvider?.commands.includes(EVALUATABLE))
      return undefined;
    const place = client.code2ProtocolConverter.asPosition(position);
    const request = { command: EVALUATABLE, arguments: [document.uri.toString(), place] };
    try {
      return await client.sendRequest<Evaluatable | null>("workspace/executeCommand", request);
    } catch (error) {
      this.log.warn(`${EVALUATABLE}: ${String(error)}`);
      return undefined;
    }
  }

  restart(): Promise<void> {
    this.turn = this.turn
      .then(async () => {
        await this.stop();
        await this.start();
      })
      .catch((error: unknown) => {
        this.log.error(`the language server did not start: ${String(error)}`); // the next attempt is another one
      });
    return this.turn;
  }

  private async start(): Promise<void> {
    if (!setting<boolean>("enabled", true)) return;
    const python = await this.pythons.find(vscode.workspace.workspaceFolders?.[0]);
    if (python.kind !== "ready") return;
    if (!python.commands.includes("lsp")) {
      this.log.info(`llmspell ${python.version} has no language server`);
      return;
    }
    const server = {
      command: python.command,
      args: ["-m", "llmspell_kernel", "lsp"],
      options: { cwd: this.home },
    };
    this.client = new LanguageClient("llmspell", "llmspell language server", server, {
      documentSelector: SCHEMES.map((scheme) => ({ language: "lua", scheme })),
      initializationOptions: {
        everyday: wantsEveryday(),
        kernels: setting<boolean>("kernels", true),
        inlayHints: setting<boolean>("inlayHints", false),
      },
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      middleware: { provideCodeLenses: () => [] }, // ours are there without a server too
    });
    try {
      await this.client.start();
    } catch (error) {
      this.log.error(`the language server did not start: ${String(error)}`);
      this.client = undefined;
    }
  }

  private async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    try {
      await client?.dispose();
    } catch (error) {
      this.log.warn(`the language server did not stop: ${String(error)}`);
    }
  }

  dispose(): void {
    for (const one of this.subscriptions) one.dispose();
    void this.stop();
  }
}

function setting<T>(name: string, otherwise: T): T {
  return vscode.workspace.getConfiguration("llmspell.languageServer").get<T>(name, otherwise);
}

function wantsEveryday(): boolean {
  const wanted = setting<string>("everyday", "auto");
  if (wanted !== "auto") return wanted === "on";
  return !OTHERS.some((id) => vscode.extensions.getExtension(id) !== undefined);
}
