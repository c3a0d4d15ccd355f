/** What is shown in Lua texts: code lenses, the expression under the mouse, values beside the code. */

import * as vscode from "vscode";
import type { LanguageServer } from "./language";
import { exportedFunctions, expressionAt, functionAround, variables, type Range } from "./plain/lua";

const LUA: vscode.DocumentSelector = [{ language: "lua" }];
const LUA_FILES: vscode.DocumentSelector = [{ language: "lua", scheme: "file" }];

export function registerTexts(context: vscode.ExtensionContext, server: LanguageServer): void {
  context.subscriptions.push(
    vscode.languages.registerCodeLensProvider(LUA_FILES, new Lenses(context)),
    vscode.languages.registerEvaluatableExpressionProvider(LUA, {
      provideEvaluatableExpression: (document, position) => evaluatable(document, position, server),
    }),
    vscode.languages.registerInlineValuesProvider(LUA, {
      provideInlineValues: (document, _, { stoppedLocation }) =>
        server.hasInlineValues() ? [] : inlineValues(document, stoppedLocation),
    }),
  );
}

class Lenses implements vscode.CodeLensProvider {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;

  constructor(context: vscode.ExtensionContext) {
    context.subscriptions.push(
      this.changed,
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("llmspell.codeLens")) this.changed.fire();
      }),
    );
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    if (!vscode.workspace.getConfiguration("llmspell", document).get<boolean>("codeLens", true)) return [];
    const { uri } = document;
    const top = new vscode.Range(0, 0, 0, 0);
    const lenses = [
      new vscode.CodeLens(top, { title: "Run", command: "llmspell.run", arguments: [uri] }),
      new vscode.CodeLens(top, { title: "Debug", command: "llmspell.debug", arguments: [uri] }),
    ];
    for (const exported of exportedFunctions(document.getText())) {
      const place = document.positionAt(exported.offset);
      for (const [title, noDebug] of [
        ["Run", true],
        ["Debug", false],
      ] as const) {
        const call = { title, command: "llmspell.call", arguments: [uri, exported, noDebug] };
        lenses.push(new vscode.CodeLens(new vscode.Range(place, place), call));
      }
    }
    return lenses;
  }
}

/** As the language server says, which has parsed the text; else by its words alone. */
async function evaluatable(
  document: vscode.TextDocument,
  position: vscode.Position,
  server: LanguageServer,
): Promise<vscode.EvaluatableExpression | undefined> {
  const told = await server.evaluatable(document, position);
  if (told === null) return undefined;
  if (told !== undefined) {
    const { start, end } = told.range;
    const range = new vscode.Range(start.line, start.character, end.line, end.character);
    return new vscode.EvaluatableExpression(range, told.expression);
  }
  const found = expressionAt(document.getText(), document.offsetAt(position));
  return found && new vscode.EvaluatableExpression(rangeOf(document, found), found.text);
}

/** Variables of the function that is stopped, up to where it is. */
function inlineValues(document: vscode.TextDocument, stopped: vscode.Range): vscode.InlineValue[] {
  const text = document.getText();
  const end = document.offsetAt(document.lineAt(stopped.start.line).range.end);
  const start = functionAround(text, document.offsetAt(document.lineAt(stopped.start.line).range.start));
  return variables(text, start, end).map(
    (one) => new vscode.InlineValueVariableLookup(rangeOf(document, one), one.text, true),
  );
}

function rangeOf(document: vscode.TextDocument, range: Range): vscode.Range {
  return new vscode.Range(document.positionAt(range.start), document.positionAt(range.end));
}
