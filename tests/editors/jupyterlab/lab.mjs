// JupyterLab with a notebook, as a person uses it. Everything waits for what it needs to see. Cells and lines count from 1.
import { PATIENCE, screenshot, until } from "../browser.mjs";

export class Lab {
  static async open(browser, url) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    page.setDefaultTimeout(PATIENCE);
    const lab = new Lab(page);
    await page.goto(url);
    await lab.ready();
    return lab;
  }

  constructor(page) {
    this.page = page;
    this.keyboard = page.keyboard;
  }

  async ready() {
    await this.cell(1).waitFor();
    await this.page.locator('.jp-DebuggerBugButton[aria-disabled="false"]').waitFor(); // the kernel has answered
    await this.idle();
  }

  async screenshot(name) {
    await screenshot(this.page, name);
  }

  // Cells --------------------------------------------------------------------------------------

  cell(n) {
    return this.page.locator(".jp-Notebook .jp-CodeCell").nth(n - 1);
  }

  /** What a cell gave: "stdout", "stderr" (errors too) or of a MIME type, or whatever. */
  output(n, kind) {
    const type = kind?.includes("/") ? kind : `application/vnd.jupyter.${kind}`;
    return this.cell(n).locator(`.jp-OutputArea-output${kind ? `[data-mime-type="${type}"]` : ""}`);
  }

  async shows(n, text, kind) {
    const output = this.output(n, kind).filter({ hasText: text }).first();
    await output.waitFor();
    return output;
  }

  async focus(n) {
    await this.cell(n).locator(".cm-content").click();
  }

  /** Runs a cell; it is not waited for. */
  async run(n) {
    await this.focus(n);
    await this.keyboard.press("Control+Enter");
  }

  /** The execution that a cell shows: "1", "*" while it runs. */
  async numbered(n, number) {
    await this.cell(n).locator(".jp-InputPrompt", { hasText: `[${number}]:` }).waitFor();
  }

  /** Puts the cursor behind what a cell says. */
  async end(n) {
    await this.focus(n);
    await this.keyboard.press("Control+End");
  }

  // The kernel ---------------------------------------------------------------------------------

  async idle() {
    await this.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').waitFor();
  }

  async busy() {
    await this.page.locator('.jp-Notebook-ExecutionIndicator[data-status="busy"]').waitFor();
  }

  button(command) {
    return this.page.locator(`[data-command="${command}"]:visible`).first();
  }

  async menu(menu, entry) {
    await this.page.locator(".lm-MenuBar-item", { hasText: new RegExp(`^${menu}$`) }).click();
    await this.page.locator(".lm-Menu-item", { hasText: entry }).first().click();
  }

  async restart() {
    await this.button("notebook:restart-kernel").click();
    await this.page.locator(".jp-Dialog .jp-mod-accept").click();
    await this.page.locator(".jp-Dialog").waitFor({ state: "detached" });
  }

  /** Restarts a kernel that is debugged, and waits until the new one has its breakpoints: their sources are its own. */
  async restartDebugged() {
    const breakpoint = this.page.locator(".jp-DebuggerBreakpoint").first();
    const old = await breakpoint.getAttribute("title");
    await this.restart();
    await this.page.locator(`.jp-DebuggerBreakpoint:not([title="${old}"])`).first().waitFor();
    await this.idle();
  }

  // The debugger -------------------------------------------------------------------------------

  async startDebugger() {
    await this.page.locator(".jp-DebuggerBugButton").click();
    await this.page.locator('.jp-DebuggerBugButton[aria-pressed="true"]').waitFor();
    await this.cell(1).locator(".cm-breakpoint-gutter .cm-breakpoint-icon").first().waitFor({ state: "attached" });
  }

  /** The marks of breakpoints that are seen in a cell. */
  marks(n) {
    return this.cell(n).locator(".cm-breakpoint-icon:visible");
  }

  async setBreakpoint(n, line) {
    const gutter = await this.cell(n).locator(".cm-gutter.cm-breakpoint-gutter").boundingBox();
    const text = await this.cell(n).locator(".cm-line").nth(line - 1).boundingBox();
    const before = await this.marks(n).count();
    await this.page.mouse.click(gutter.x + gutter.width / 2, text.y + text.height / 2);
    await this.marks(n).nth(before).waitFor();
    await this.page.locator(".jp-DebuggerBreakpoint-line", { hasText: new RegExp(`^${line}$`) }).first().waitFor();
  }

  async clearBreakpoints() {
    await this.page.locator('jp-button[title="Remove All Breakpoints"]').click();
    await this.page.locator(".jp-Dialog .jp-mod-accept").click();
    await this.page.locator(".jp-DebuggerBreakpoint").first().waitFor({ state: "detached" });
  }

  /** Stops at errors: "raised", "uncaught", "tool". */
  async pauseAt(errors) {
    await this.page.locator("jp-button.jp-PauseOnExceptions").click();
    await this.page.locator(".lm-Menu-item", { hasText: errors }).click();
    await this.page.locator('jp-button.jp-PauseOnExceptions[aria-pressed="true"]').waitFor();
  }

  /** Waits until a line of a cell is shown as the one that runs next, and the stack is there. */
  async stoppedAt(n, line) {
    await this.page.waitForFunction(
      ([cell, wanted]) => {
        const lines = document.querySelectorAll(".jp-Notebook .jp-CodeCell")[cell]?.querySelectorAll(".cm-line") ?? [];
        const at = [...lines].findIndex((one) => one.classList.contains("jp-DebuggerEditor-highlight"));
        return at === wanted && document.querySelectorAll(".jp-DebuggerEditor-highlight").length === 1;
      },
      [n - 1, line - 1],
    );
    await this.page.locator(".jp-DebuggerCallstackFrame.selected").waitFor();
  }

  /** Waits until nothing is stopped. */
  async goesOn() {
    await this.page.locator(".jp-DebuggerCallstackFrame").first().waitFor({ state: "detached" });
  }

  async step(command) {
    await this.button(`debugger:${command}`).click();
  }

  /** Waits until the stack is this: names and places, "add Cell [*]:2". */
  async stackIs(...frames) {
    await this.page.waitForFunction(
      ([wanted]) => {
        const parts = [...document.querySelectorAll(".jp-DebuggerCallstackFrame")].map((one) => [...one.children]);
        return parts.map((one) => one.map((part) => part.textContent).join(" ")).join("\n") === wanted;
      },
      [frames.join("\n")],
    );
  }

  async frame(name) {
    await this.page.locator(".jp-DebuggerCallstackFrame", { hasText: name }).click();
  }

  /** The magnifier beside a variable. */
  async render(name) {
    const magnifier = this.variable(name).locator(".jp-DebuggerVariables-renderVariable");
    const panel = this.page.locator(".jp-VariableRendererPanel:visible");
    const before = await panel.count();
    return until(panel.nth(before), async () => {
      await this.variable(name).locator("> .jp-DebuggerVariables-name").hover();
      await magnifier.click(); // the first one may only take the focus
    });
  }

  /** An entry of the menu of a variable. */
  async variableMenu(name, entry) {
    await this.variable(name).locator("> .jp-DebuggerVariables-name").click({ button: "right" });
    await this.page.locator(".lm-Menu-item", { hasText: entry }).click();
  }

  /** The rows of the table of variables: it is drawn, so they are read of what is drawn. */
  async table() {
    return this.page.evaluate(() => {
      const find = (widget) => (widget.dataModel ? widget : [...(widget.children?.() ?? [])].map(find).find(Boolean));
      const grid = [...window.jupyterapp.shell.widgets("right")].map(find).find(Boolean);
      const model = grid.dataModel;
      const rows = Array.from({ length: model.rowCount("body") }, (_, row) => row);
      return rows.map((row) => [model.data("row-header", row, 0), model.data("body", row, 0), model.data("body", row, 1)]);
    });
  }

  async scope(name) {
    await this.page.locator(".jp-DebuggerVariables-toolbar select").selectOption(name);
  }

  /** A variable of the tree, found by the names that lead to it. */
  variable(...path) {
    let place = this.page.locator(".jp-DebuggerVariables-body:visible .jp-TreeView");
    for (const name of path) {
      const exactly = this.page.locator(":scope > .jp-DebuggerVariables-name", { hasText: new RegExp(`^${RegExp.escape(name)}$`) });
      place = place.locator("> jp-tree-item").filter({ has: exactly }).first();
    }
    return place;
  }

  async variableShows(value, ...path) {
    const detail = this.variable(...path).locator("> .jp-DebuggerVariables-detail");
    await detail.filter({ hasText: value }).waitFor();
  }

  async expand(...path) {
    await this.variable(...path).locator(".expand-collapse-button").first().click();
  }

  async names() {
    return this.page.locator(".jp-DebuggerVariables-body:visible .jp-TreeView > jp-tree-item > .jp-DebuggerVariables-name").allTextContents();
  }

  /** Types into the debugger's console. */
  async evaluate(expression) {
    const input = this.page.locator(".jp-DebugConsole .jp-CodeConsole-promptCell .cm-content");
    if (!(await input.isVisible())) await this.button("debugger:evaluate").click();
    await input.click();
    await this.keyboard.insertText(expression);
    await this.keyboard.press("Shift+Enter");
  }

  /** What the debugger's console has answered. */
  async answers(text) {
    await this.page.locator(".jp-DebugConsole .jp-OutputArea-output", { hasText: text }).first().waitFor();
  }
}
