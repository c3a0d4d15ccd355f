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

  /** Of what kind it is, "stdout", "error" or a MIME type, or any. */
  output(n, kind) {
    const outputs = this.cell(n).locator(".jp-OutputArea-output");
    if (!kind) return outputs.first();
    const type = kind.includes("/") ? kind : `application/vnd.jupyter.${kind}`;
    return this.cell(n).locator(`.jp-OutputArea-output[data-mime-type="${type}"]`).first();
  }

  async shows(n, text, kind) {
    await this.output(n, kind).filter({ hasText: text }).first().waitFor();
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

  async write(n, text) {
    await this.focus(n);
    await this.keyboard.press("Control+End");
    await this.keyboard.type(text, { delay: 20 });
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

  /** Waits until a cell is stopped at a line, and the stack is there. */
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

  /** The names of the frames. */
  async stack() {
    return this.page.locator(".jp-DebuggerCallstackFrame-name").allInnerTexts();
  }

  async frame(name) {
    await this.page.locator(".jp-DebuggerCallstackFrame", { hasText: name }).click();
  }

  async scope(name) {
    await this.page.locator(".jp-DebuggerVariables-toolbar select").selectOption(name);
  }

  /** A variable of the tree, found by the names that lead to it. */
  variable(...path) {
    let place = this.page.locator(".jp-DebuggerVariables-body:visible .jp-TreeView");
    for (const name of path) {
      const exactly = this.page.locator(":scope > .jp-DebuggerVariables-name", { hasText: new RegExp(`^${name}$`) });
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
    return this.page.locator(".jp-DebuggerVariables-body:visible .jp-TreeView > jp-tree-item > .jp-DebuggerVariables-name").allInnerTexts();
  }

  /** Types into the debugger's console. */
  async evaluate(expression) {
    const input = this.page.locator(".jp-DebugConsole .jp-CodeConsole-promptCell .cm-content");
    if (!(await input.isVisible())) await this.button("debugger:evaluate").click();
    await input.click();
    await this.keyboard.insertText(expression);
    await this.keyboard.press("Shift+Enter");
  }
}
