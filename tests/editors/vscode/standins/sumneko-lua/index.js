// What any Lua language server says of a text, in small: two of its diagnostics, locals, where they are declared.
"use strict";
const vscode = require("vscode");

const LUA = { language: "lua" };
const found = (document, pattern) =>
  [...document.getText().matchAll(pattern)].map((match) => {
    const start = document.positionAt(match.index + match[0].length - match[1].length);
    return { name: match[1], range: new vscode.Range(start, start.translate(0, match[1].length)) };
  });

exports.activate = (context) => {
  const diagnostics = vscode.languages.createDiagnosticCollection("lua");
  const look = (document) => {
    if (document.languageId !== "lua") return;
    const problem = (code) => ({ name, range }) => {
      const one = new vscode.Diagnostic(range, `${code}: ${name}`, vscode.DiagnosticSeverity.Warning);
      return Object.assign(one, { source: "Lua Diagnostics.", code });
    };
    const unused = found(document, /local (unused\w*)/g).map(problem("unused-local"));
    const undefinedOnes = found(document, /^(nonesuch)/gm).map(problem("undefined-global"));
    diagnostics.set(document.uri, [...unused, ...undefinedOnes]);
  };
  const locals = (document) => found(document, /local (\w+)/g);
  context.subscriptions.push(
    diagnostics,
    vscode.workspace.onDidOpenTextDocument(look),
    vscode.workspace.onDidChangeTextDocument(({ document }) => look(document)),
    vscode.languages.registerCompletionItemProvider(LUA, {
      provideCompletionItems: (document) => locals(document).map(({ name }) => new vscode.CompletionItem(name)),
    }),
    vscode.languages.registerDefinitionProvider(LUA, {
      provideDefinition(document, position) {
        const word = document.getText(document.getWordRangeAtPosition(position));
        return locals(document).filter(({ name }) => name === word).map(({ range }) => new vscode.Location(document.uri, range));
      },
    }),
  );
  vscode.workspace.textDocuments.forEach(look);
};
