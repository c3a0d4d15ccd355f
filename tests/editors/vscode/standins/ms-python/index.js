// What the Python extension tells others (@vscode/python-extension), as far as ours asks. It can't be had from npm.
"use strict";
const vscode = require("vscode");

exports.activate = () => {
  const changed = new vscode.EventEmitter();
  let path = "python"; // what the real one says where nothing is chosen
  return {
    environments: {
      getActiveEnvironmentPath: () => ({ id: path, path }),
      async updateActiveEnvironmentPath(chosen, resource) {
        path = chosen;
        changed.fire({ id: path, path, resource });
      },
      onDidChangeActiveEnvironmentPath: changed.event,
      async resolveEnvironment({ path }) {
        if (path === "python") return undefined;
        return { id: path, path, executable: { uri: vscode.Uri.file(path), bitness: "64-bit", sysPrefix: "/" } };
      },
    },
  };
};
