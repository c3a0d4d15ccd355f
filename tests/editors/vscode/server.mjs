// code-server with the built .vsix, on a port of its own, with folders of its own; ended with all it has started.
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const EDITORS = process.env.LLMSPELL_EDITORS ?? join(HERE, "../../../build/editors");
const ENTRY = join(EDITORS, "code-server/node_modules/code-server/out/node/entry.js");
export const PYTHON = process.env.PYTHON;
export const ROOT = join(HERE, "../../..");

const SETTINGS = {
  "chat.disableAIFeatures": true,
  "editor.minimap.enabled": false,
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "files.autoSave": "off",
  "git.enabled": false,
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "terminal.integrated.commandsToSkipShell": ["runCommands"], // the key below, wherever the focus is
  "window.commandCenter": false,
  "terminal.integrated.gpuAcceleration": "off", // its text is in the page then
  "workbench.editor.restoreViewState": false,
  "workbench.reduceMotion": "on",
  "workbench.colorTheme": "Default Dark Modern",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
};

/** One key leaves nothing of a story for the next one. */
const TIDY = "Control+Alt+Shift+F12";
const TIDY_COMMANDS = [
  "workbench.action.closeQuickOpen",
  "workbench.action.debug.stop",
  "workbench.debug.viewlet.action.removeAllBreakpoints",
  "workbench.debug.viewlet.action.removeAllWatchExpressions",
  "workbench.debug.panel.action.clearReplAction",
  "workbench.action.terminal.killAll",
  "workbench.action.files.saveAll", // else closing asks
  "workbench.action.closeAllEditors",
  "notifications.clearAll",
  "notifications.hideList",
  "workbench.action.closeSidebar", // the sign that it is done
];
const KEYS = [{ key: TIDY.toLowerCase().replace("control", "ctrl"), command: "runCommands", args: { commands: TIDY_COMMANDS } }];

export class Server {
  /**
   * The folders are there at once, the rest with `start`. `environment` gives the server's beside ours, by its home; `extensions` are
   * those of ./standins that are installed beside ours.
   */
  constructor(settings = {}, { environment = () => ({}), extensions = [] } = {}) {
    this.home = realpathSync(mkdtempSync(join(tmpdir(), "llmspell-editors-")));
    this.workspace = join(this.home, "a wörkspace");
    this.freshWorkspace();
    // kernels of its own, whatever else runs on this machine
    const own = { JUPYTER_RUNTIME_DIR: join(this.home, "runtime"), XDG_STATE_HOME: join(this.home, "state") };
    this.environment = { ...process.env, ...own, ...environment(this.home) };
    this.extensions = extensions;
    this.tidyKey = TIDY;
    for (const scope of ["User", "Machine"]) mkdirSync(join(this.home, "data", scope), { recursive: true });
    writeFileSync(join(this.home, "data/User/keybindings.json"), JSON.stringify(KEYS));
    this.settings = settings;
    this.set({});
  }

  /** As it was, whatever a test has written there. What is as it was is not touched: VS Code watches these files. */
  freshWorkspace() {
    const first = join(HERE, "workspace");
    mkdirSync(this.workspace, { recursive: true });
    for (const name of readdirSync(this.workspace))
      if (!existsSync(join(first, name))) rmSync(join(this.workspace, name), { recursive: true });
    for (const name of readdirSync(first)) {
      const text = readFileSync(join(first, name));
      const file = join(this.workspace, name);
      if (!existsSync(file) || !readFileSync(file).equals(text)) writeFileSync(file, text);
    }
  }

  /** The debug configurations of the workspace. */
  launchJson(...configurations) {
    mkdirSync(join(this.workspace, ".vscode"), { recursive: true });
    const all = configurations.map((one) => ({ type: "llmspell", request: "launch", ...one }));
    const text = JSON.stringify({ version: "0.2.0", configurations: all });
    writeFileSync(join(this.workspace, ".vscode/launch.json"), text);
  }

  /** The user's settings from now on. */
  set(settings) {
    const all = { ...SETTINGS, "llmspell.python": PYTHON, ...this.settings, ...settings };
    // paths are settings of the machine
    for (const scope of ["User", "Machine"])
      writeFileSync(join(this.home, "data", scope, "settings.json"), JSON.stringify(all));
  }

  /** What the installed llmspell can do. */
  commands() {
    const ask = "from llmspell_kernel.cli.main import COMMANDS; print(*COMMANDS)";
    return spawnSync(PYTHON, ["-c", ask], { cwd: this.home, encoding: "utf8" }).stdout.trim().split(" ");
  }

  /** `llmspell …` to its end, where the editor's extension sees what it does; gives what it prints. */
  llmspell(...args) {
    const options = { cwd: this.home, encoding: "utf8", env: this.environment };
    const ended = spawnSync(PYTHON, ["-m", "llmspell_kernel", ...args], options);
    if (ended.status !== 0) throw new Error(`llmspell ${args.join(" ")}: ${ended.stderr}`);
    return ended.stdout;
  }

  /** A process that does `llmspell …` in the workspace. */
  begin(...args) {
    const options = { cwd: this.workspace, env: this.environment, stdio: "ignore" };
    return spawn(PYTHON, ["-m", "llmspell_kernel", ...args], options);
  }

  folders() {
    const data = join(this.home, "data");
    return ["--user-data-dir", data, "--extensions-dir", join(this.home, "ext"), "--config", join(this.home, "c.yaml")];
  }

  async start() {
    for (const one of this.extensions) cpSync(join(HERE, "standins", one), join(this.home, "ext", `${one}-1.0.0`), { recursive: true });
    const install = [ENTRY, ...this.folders(), "--install-extension", process.env.VSIX];
    const installed = spawnSync(process.execPath, install, { encoding: "utf8" });
    if (installed.status !== 0) throw new Error(`the .vsix was not installed: ${installed.stdout}${installed.stderr}`);
    const options = ["--auth", "none", "--bind-addr", "127.0.0.1:0", "--disable-telemetry", "--disable-update-check"];
    options.push("--disable-workspace-trust", "--disable-getting-started-override", "--reconnection-grace-time", "2");
    options.push("--vscode-option", "enable-smoke-test-driver");
    // a group of its own: its extension hosts end with it
    this.process = spawn(process.execPath, [ENTRY, ...options, ...this.folders()], { detached: true, env: this.environment });
    this.origin = await this.listening();
  }

  listening() {
    return new Promise((resolve, reject) => {
      let text = "";
      const read = (data) => {
        text += data;
        const address = /listening on (http:\/\/[\d.]+:\d+)/.exec(text);
        if (address) resolve(address[1]);
      };
      this.process.stdout.on("data", read);
      this.process.stderr.on("data", read);
      this.process.on("exit", (code) => reject(new Error(`code-server has ended with ${code}: ${text}`)));
    });
  }

  async stop() {
    if (this.process && this.process.exitCode === null) {
      const ended = new Promise((resolve) => this.process.on("exit", resolve));
      process.kill(-this.process.pid, "SIGKILL");
      await ended;
    }
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}
