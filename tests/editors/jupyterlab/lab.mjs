// JupyterLab with a notebook, as a person uses it. Everything waits for what it needs to see, and is done again until it is seen. Cells
// and lines count from 1.
import { gone, ONCE, openPage, screenshot, take, told, until } from "../browser.mjs";

/** In the page: the lines of a cell that have a breakpoint. */
function linesMarked(cell) {
  const found = document.querySelectorAll(".jp-Notebook .jp-CodeCell")[cell - 1];
  const middles = [...(found?.querySelectorAll(".cm-breakpoint-icon") ?? [])]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }))
    .map((one) => one.getBoundingClientRect().top + one.getBoundingClientRect().height / 2);
  const lines = [...(found?.querySelectorAll(".cm-line") ?? [])].map((one) => one.getBoundingClientRect());
  return middles.map((middle) => lines.findIndex((box) => box.top <= middle && middle <= box.bottom) + 1).sort((a, b) => a - b);
}

export class Lab {
  static async open(browser) {
    const page = await openPage(browser, { viewport: { width: 1280, height: 860 } });
    await page.addInitScript(`window.linesMarked = ${linesMarked}`);
    return new Lab(page);
  }

  constructor(page) {
    this.page = page;
    this.keyboard = page.keyboard;
  }

  async load(url) {
    await this.page.goto(url);
    await this.cell(1).waitFor();
    await this.page.locator('.jp-DebuggerBugButton[aria-disabled="false"]').waitFor(); // the kernel has answered
    await this.idle();
  }

  async screenshot(name) {
    await screenshot(this.page, name);
  }

  /** Does something until it has had its effect; harmless if done twice. */
  async until(seen, act, least) {
    return until(this.page, seen, act, least);
  }

  async take(offer, ask, seen) {
    return take(this.page, offer, ask, seen);
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

  input(n) {
    return this.cell(n).locator(".jp-InputArea .cm-content");
  }

  /** Runs a cell; it is seen to run, or to have run, and not waited for. */
  async run(n) {
    const before = await this.prompt(n).textContent();
    await this.until(this.prompt(n).filter({ hasNotText: before }), () => this.input(n).press("Control+Enter"), ONCE);
  }

  prompt(n) {
    return this.cell(n).locator(".jp-InputPrompt");
  }

  /** The execution that a cell shows: "1", "*" while it runs. */
  async numbered(n, number) {
    await this.prompt(n).filter({ hasText: `[${number}]:` }).waitFor();
  }

  /** Presses a key behind what a cell says. */
  async pressAtEnd(n, key) {
    await this.input(n).press("Control+End");
    await this.input(n).press(key);
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

  menuItem(entry) {
    return this.page.locator(".lm-Menu-item", { hasText: entry }).first();
  }

  async menu(menu, entry, seen) {
    const open = () => this.page.locator(".lm-MenuBar-item", { hasText: new RegExp(`^${menu}$`) }).click();
    await this.take(this.menuItem(entry), open, seen);
  }

  /** Presses a button that asks whether it is meant so. */
  async confirm(button) {
    const dialog = this.page.locator(".jp-Dialog");
    await this.until(dialog, () => button.click());
    await this.until(gone(dialog), () => dialog.locator(".jp-mod-accept").click());
  }

  async interrupt(seen) {
    await this.until(seen, () => this.button("notebook:interrupt-kernel").click());
  }

  async restart() {
    await this.confirm(this.button("notebook:restart-kernel"));
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
    const button = this.page.locator(".jp-DebuggerBugButton");
    const pressed = this.page.locator('.jp-DebuggerBugButton[aria-pressed="true"]');
    await this.until(pressed, () => button.click(), ONCE); // once more would stop it
    await this.cell(1).locator(".cm-breakpoint-gutter .cm-breakpoint-icon").first().waitFor({ state: "attached" });
  }

  /** Opens the debugger's panel. JupyterLab may open and close it by itself while a page is loaded. */
  async openPanel() {
    const panel = this.page.locator("#jp-debugger-sidebar");
    if (!(await panel.isVisible())) await this.page.locator('[data-id="jp-debugger-sidebar"]').click();
  }

  /** The marks of breakpoints that are seen in a cell. */
  marks(n) {
    return this.cell(n).locator(".cm-breakpoint-icon:visible");
  }

  /** Sets the only breakpoint of a cell; what a layout that moved under the mouse has made of a click is clicked away. */
  async setBreakpoint(n, line) {
    const seen = told(this.page, ([cell, wanted]) => window.linesMarked(cell).join() === wanted, n, String(line));
    const click = async () => {
      const marked = await this.page.evaluate((cell) => window.linesMarked(cell), n);
      const wrong = marked.find((one) => one !== line) ?? line;
      const gutter = await this.cell(n).locator(".cm-gutter.cm-breakpoint-gutter").boundingBox();
      const text = await this.cell(n).locator(".cm-line").nth(wrong - 1).boundingBox();
      await this.page.mouse.click(gutter.x + gutter.width / 2, text.y + text.height / 2);
    };
    await this.until(seen, click, ONCE); // the kernel is asked
    await this.page.locator(".jp-DebuggerBreakpoint-line", { hasText: new RegExp(`^${line}$`) }).first().waitFor();
  }

  async clearBreakpoints() {
    await this.confirm(this.page.locator('jp-button[title="Remove All Breakpoints"]'));
    await this.page.locator(".jp-DebuggerBreakpoint").first().waitFor({ state: "detached" });
  }

  /** Stops at errors: "raised", "uncaught", "tool". */
  async pauseAt(errors) {
    const button = this.page.locator("jp-button.jp-PauseOnExceptions");
    await this.take(this.menuItem(errors), () => button.click(), button.and(this.page.locator('[aria-pressed="true"]')));
  }

  /** Waits until a line of a cell is shown as the one that runs next, and the stack is there. */
  async stoppedAt(n, line) {
    const seen = ([cell, wanted]) => {
      const lines = document.querySelectorAll(".jp-Notebook .jp-CodeCell")[cell]?.querySelectorAll(".cm-line") ?? [];
      const at = [...lines].findIndex((one) => one.classList.contains("jp-DebuggerEditor-highlight"));
      return at === wanted && document.querySelectorAll(".jp-DebuggerEditor-highlight").length === 1;
    };
    await told(this.page, seen, n - 1, line - 1).waitFor();
    await this.page.locator(".jp-DebuggerCallstackFrame.selected").waitFor();
  }

  /** Waits until nothing is stopped. */
  async goesOn() {
    await this.page.locator(".jp-DebuggerCallstackFrame").first().waitFor({ state: "detached" });
  }

  /** Steps, once it can be done: while nothing is stopped the button to go on is one to pause. */
  async step(command) {
    const button = this.page.locator(`[data-command="debugger:${command}"][aria-disabled="false"]:not([title^="Pause"])`);
    await button.first().click();
  }

  /** Waits until the stack is this: names and places, "add Cell [*]:2". */
  async stackIs(...frames) {
    const seen = ([wanted]) => {
      const parts = [...document.querySelectorAll(".jp-DebuggerCallstackFrame")].map((one) => [...one.children]);
      return parts.map((one) => one.map((part) => part.textContent).join(" ")).join("\n") === wanted;
    };
    await told(this.page, seen, frames.join("\n")).waitFor();
  }

  async frame(name) {
    const frame = this.page.locator(".jp-DebuggerCallstackFrame", { hasText: name });
    await this.until(frame.and(this.page.locator(".selected")), () => frame.click());
  }

  /** The magnifier beside a variable. */
  async render(name) {
    const magnifier = this.variable(name).locator(".jp-DebuggerVariables-renderVariable");
    const panel = this.page.locator(".jp-VariableRendererPanel:visible");
    const before = await panel.count();
    return this.until(panel.nth(before), async () => {
      await this.variable(name).locator("> .jp-DebuggerVariables-name").hover();
      await magnifier.click(); // the first one may only take the focus
    });
  }

  /** By the menu of a local variable; it is seen among the globals then. */
  async copyToGlobals(name) {
    const entry = this.menuItem("Copy Variable to Globals");
    await this.until(this.variable(name), async () => {
      await this.scope("Locals");
      await this.keyboard.press("Escape"); // a menu may be there
      await this.variable(name).locator("> .jp-DebuggerVariables-name").click({ button: "right" });
      await entry.click();
      await this.scope("Globals");
    });
  }

  /** Waits until a row of the table of variables is this: it is drawn, so it is read of what is drawn. */
  async tableHas(...row) {
    const seen = ([wanted]) => {
      const find = (widget) => (widget.dataModel ? widget : [...(widget.children?.() ?? [])].map(find).find(Boolean));
      const model = [...window.jupyterapp.shell.widgets("right")].map(find).find(Boolean)?.dataModel;
      const rows = Array.from({ length: model?.rowCount("body") ?? 0 }, (_, n) => n);
      const read = (n) => [model.data("row-header", n, 0), model.data("body", n, 0), model.data("body", n, 1)];
      return rows.some((n) => JSON.stringify(read(n)) === wanted);
    };
    await told(this.page, seen, JSON.stringify(row)).waitFor();
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
    await this.value(value, ...path).waitFor();
  }

  value(value, ...path) {
    return this.variable(...path).locator("> .jp-DebuggerVariables-detail").filter({ hasText: value });
  }

  async expand(...path) {
    const row = this.variable(...path);
    await this.until(row.locator("> jp-tree-item").first(), async () => {
      if ((await row.getAttribute("aria-expanded")) !== "true") await row.locator(".expand-collapse-button").first().click();
    });
  }

  /** Waits until the variables are these. */
  async namesAre(...names) {
    const shown = this.page.locator(".jp-DebuggerVariables-body:visible .jp-TreeView > jp-tree-item > .jp-DebuggerVariables-name");
    for (const [n, name] of names.entries()) await shown.nth(n).filter({ hasText: new RegExp(`^${name}$`) }).waitFor();
    await gone(shown.nth(names.length)).waitFor();
  }

  /** Types into the debugger's console; what was typed moves above the next prompt. */
  async evaluate(expression) {
    const input = this.page.locator(".jp-DebugConsole .jp-CodeConsole-promptCell .cm-content");
    const asked = this.page.locator(".jp-DebugConsole .jp-CodeConsole-content .jp-CodeCell .cm-content", { hasText: expression });
    await this.until(asked.first(), async () => {
      if (!(await input.isVisible())) await this.button("debugger:evaluate").click();
      await input.fill(expression);
      await input.press("Shift+Enter");
    });
  }

  /** What the debugger's console has answered. */
  async answers(text) {
    await this.page.locator(".jp-DebugConsole .jp-OutputArea-output", { hasText: text }).first().waitFor();
  }
}
