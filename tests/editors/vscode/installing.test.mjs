// Pythons that lack something, and the buttons that mend it: pip installs a wheel of this checkout from a folder.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inWorkbench } from "./story.mjs";
import { PYTHON, ROOT } from "./server.mjs";

const WHEEL = join(ROOT, "tests/editors/vscode/wheel.py");

/** Everything that llmspell needs is there, llmspell is not, and no index is asked; PATH is a folder of ours. */
const environment = (home) => ({
  PATH: join(home, "bin"),
  VSCODE_CLI: "1", // no login shell makes another PATH
  PYTHONPATH: join(home, "needs"),
  PIP_NO_INDEX: "1",
  PIP_FIND_LINKS: join(home, "wheels"),
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_NO_COMPILE: "1",
});

const declare = inWorkbench({ "llmspell.python": "" }, { environment });
const story = (name, tell) => declare(name, tell, { fresh: true });

function python(...args) {
  const ended = spawnSync(PYTHON, args, { encoding: "utf8" });
  assert.equal(ended.status, 0, ended.stderr);
  return ended.stdout.trim();
}

/** What llmspell depends on, as PYTHON has it. */
function bringNeeds(home) {
  const installed = python("-c", "import sysconfig; print(sysconfig.get_path('platlib'))");
  mkdirSync(join(home, "needs"), { recursive: true });
  for (const name of readdirSync(installed))
    if (!/llmspell|^(pip|setuptools|_distutils)|\.pth$/.test(name)) symlinkSync(join(installed, name), join(home, "needs", name));
}

/** The one Python on PATH. */
function onPath(home, text) {
  mkdirSync(join(home, "bin"), { recursive: true });
  const file = join(home, "bin", "python3");
  writeFileSync(file, `#!/bin/sh\nexec ${text} "$@"\n`);
  chmodSync(file, 0o755);
}

/** pip may take its time: more than what is asked for by hand is waited for. */
async function notificationAfterPip(w, text) {
  for (let tries = 3; tries > 0; tries--) {
    const found = await w.notification(text).catch(() => undefined);
    if (found) return found;
  }
  return w.notification(text);
}

story("without any Python the message says what to do", async (w) => {
  await w.openFile("main.lua");
  await w.refused("llmspell needs Python 3.10 or newer, and none was found");
});

story("a Python without llmspell: one message offers a .venv; what pip can't do is said; once it could, F5 works", async (w, server) => {
  bringNeeds(server.home);
  onPath(server.home, `${PYTHON} -S`);
  await w.openFile("main.lua");
  await w.toggleBreakpoint(7);
  await w.refused("does not have llmspell");
  const messages = w.page.locator(".notifications-center .notification-list-item", { hasText: "llmspell" });
  assert.equal(await messages.count(), 1);
  await w.screenshot("no-llmspell");
  await w.press("does not have llmspell", "Install in .venv"); // there is no wheel yet
  await notificationAfterPip(w, /llmspell could not be installed \(exit code 1\): the terminal says why/);
  await w.dismissNotifications();
  python(WHEEL, join(server.home, "wheels"));
  const ofVenv = /\.venv\/bin\/python \(from the workspace\) does not have llmspell/;
  await w.refused(ofVenv);
  await w.press(ofVenv, "Install llmspell");
  await debugsAfterInstalling(w);
  await w.screenshot("installed");
  await w.keyboard.press("Shift+F5");
  await w.ended();
  await w.dismissNotifications();
  rmSync(join(server.workspace, ".venv"), { recursive: true }); // and all begins anew
  await w.refused("(from PATH) does not have llmspell");
});

story("an old llmspell: both versions are told, again where pip finds none that is newer; once it does, F5 works", async (w, server) => {
  const wheels = join(server.home, "wheels");
  const venv = join(server.home, "old");
  rmSync(wheels, { recursive: true });
  python(WHEEL, wheels, "0.0.9");
  python("-m", "venv", venv);
  const old = spawnSync(join(venv, "bin/python"), ["-m", "pip", "install", "-q", "llmspell"], { env: server.environment });
  assert.equal(old.status, 0, String(old.stderr));
  onPath(server.home, join(venv, "bin/python"));
  await w.openFile("main.lua");
  await w.toggleBreakpoint(7);
  const text = /has llmspell 0\.0\.9, and this extension needs 0\.1\.0 or newer/;
  await w.refused(text);
  await w.press(text, "Install llmspell");
  await notificationAfterPip(w, text);
  python(WHEEL, wheels);
  await w.press(text, "Install llmspell");
  await debugsAfterInstalling(w);
  await w.keyboard.press("Shift+F5");
  await w.ended();
  const gone = spawnSync(join(venv, "bin/python"), ["-m", "pip", "uninstall", "-q", "-y", "llmspell"]);
  assert.equal(gone.status, 0, String(gone.stderr));
  await w.start("F5", w.dialogBox("No module named llmspell_dap"));
  await w.dialog("No module named llmspell_dap");
  await w.ended();
  await w.dismissNotifications();
  await w.refused("(from PATH) does not have llmspell"); // looks anew
});

async function debugsAfterInstalling(w) {
  await notificationAfterPip(w, /llmspell 0\.1\.\d+ is installed/);
  await w.start();
  await w.stoppedAt(7);
}
