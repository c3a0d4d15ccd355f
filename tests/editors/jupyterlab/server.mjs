// JupyterLab on a port of its own, with folders of its own and our kernel; ended with the kernels it has started.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EDITORS, ROOT } from "../browser.mjs";

const JUPYTER = join(EDITORS, "jupyter/bin");
const PYTHON = process.env.PYTHON;
const KERNEL = { name: "llmspell", display_name: "Lua (llmspell)", language: "lua" };
// Nothing asks the network; a notebook is in the page as a whole, also what is not in view.
const SETTINGS = {
  "apputils-extension/notification": { fetchNews: "false", checkForUpdates: false },
  "notebook-extension/tracker": { windowingMode: "none" },
};

export class Server {
  constructor() {
    this.home = realpathSync(mkdtempSync(join(tmpdir(), "llmspell-jupyterlab-")));
    this.notebooks = join(this.home, "notebooks");
    mkdirSync(this.notebooks);
    const folders = { JUPYTER_CONFIG_DIR: "config", JUPYTER_DATA_DIR: "data", JUPYTER_RUNTIME_DIR: "runtime", HOME: "." };
    const own = Object.fromEntries(Object.entries(folders).map(([name, folder]) => [name, join(this.home, folder)]));
    this.environment = { ...process.env, ...own, JUPYTER_PLATFORM_DIRS: "1" };
    for (const [name, values] of Object.entries(SETTINGS)) this.set(name, values);
  }

  set(name, values) {
    const file = join(this.home, "config/lab/user-settings/@jupyterlab", `${name}.jupyterlab-settings`);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, JSON.stringify(values));
  }

  /** A notebook of cells of code, or a copy of an example, of the name; gives the name. */
  notebook(name, cells) {
    if (typeof cells === "string") {
      copyFileSync(join(ROOT, "examples", cells), join(this.notebooks, name));
      return name;
    }
    const made = cells.map((source, n) => {
      return { cell_type: "code", id: `cell-${n}`, metadata: {}, execution_count: null, outputs: [], source };
    });
    const whole = { nbformat: 4, nbformat_minor: 5, metadata: { kernelspec: KERNEL }, cells: made };
    writeFileSync(join(this.notebooks, name), JSON.stringify(whole));
    return name;
  }

  async start() {
    const install = ["-m", "llmspell_kernel", "kernel", "install"];
    const installed = spawnSync(PYTHON, install, { cwd: this.home, env: this.environment, encoding: "utf8" });
    if (installed.status !== 0) throw new Error(`the kernel was not installed: ${installed.stderr}`);
    const options = ["--no-browser", "--ip=127.0.0.1", "--port=0", "--IdentityProvider.token=", "--allow-root"];
    options.push("--LabApp.expose_app_in_browser=True", `--ServerApp.root_dir=${this.notebooks}`);
    this.process = spawn(join(JUPYTER, "jupyter-lab"), options, { cwd: this.home, env: this.environment });
    this.origin = await this.listening();
  }

  listening() {
    return new Promise((resolve, reject) => {
      let text = "";
      this.process.stdout.resume();
      this.process.stderr.on("data", (data) => {
        text += data;
        const address = /(http:\/\/127[\d.]+:[1-9]\d*)\/lab/.exec(text);
        if (address) resolve(address[1]);
      });
      this.process.on("exit", (code) => reject(new Error(`JupyterLab has ended with ${code}: ${text}`)));
    });
  }

  /** Ends the kernels that there are. */
  async endSessions() {
    const headers = { "X-XSRFToken": "ours", Cookie: "_xsrf=ours" };
    const sessions = await (await fetch(`${this.origin}/api/sessions`)).json();
    for (const { id } of sessions) {
      const answer = await fetch(`${this.origin}/api/sessions/${id}`, { method: "DELETE", headers });
      if (!answer.ok) throw new Error(`a kernel could not be ended: ${answer.status}`);
    }
  }

  /** The connection files that are left. */
  kernels() {
    return readdirSync(join(this.home, "runtime")).filter((name) => name.startsWith("kernel-"));
  }

  async stop() {
    if (this.process && this.process.exitCode === null) {
      const ended = new Promise((resolve) => this.process.on("exit", resolve));
      this.process.kill("SIGTERM"); // it ends its kernels
      await ended;
    }
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}
