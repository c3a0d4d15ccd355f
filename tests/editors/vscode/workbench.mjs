// The workbench in a browser, as a person uses it. Everything waits for what it needs to see.
import { PATIENCE, screenshot, until } from "../browser.mjs";

export class Workbench {
  static async open(browser, url) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    page.setDefaultTimeout(PATIENCE);
    await page.goto(url);
    await page.locator(".monaco-workbench").waitFor();
    return new Workbench(page);
  }

  constructor(page) {
    this.page = page;
    this.keyboard = page.keyboard;
  }

  /** Nothing of the last story is left but what the workbench has learnt; `key` sees to that. */
  async tidy(key) {
    const tabs = this.page.locator(".editor-group-container .tab");
    await this.until(this.page.locator(".explorer-folders-view .monaco-list-row").first(), () => this.keyboard.press(key));
    await tabs.first().waitFor({ state: "hidden" });
    await this.ended();
  }

  async screenshot(name) {
    await screenshot(this.page, name);
  }

  // Files and texts ----------------------------------------------------------------------------

  async openFile(name) {
    await this.page.locator(".explorer-folders-view .monaco-list-row", { hasText: name }).first().dblclick();
    await this.page.locator(".tab.active", { hasText: name }).waitFor();
    await this.page.locator(".editor-instance .codelens-decoration a").first().waitFor(); // the extension is awake
  }

  /** The number beside a line, whose height is the line's. */
  lineNumber(line) {
    return this.page.locator(".editor-instance .margin-view-overlays .line-numbers", { hasText: new RegExp(`^${line}$`) });
  }

  async glyphPlace(line) {
    const number = await this.lineNumber(line).first().boundingBox();
    const margin = await this.page.locator(".editor-instance .glyph-margin").first().boundingBox();
    return { x: margin.x + margin.width / 2, y: number.y + number.height / 2 };
  }

  async toggleBreakpoint(line) {
    const { x, y } = await this.glyphPlace(line);
    const dots = this.page.locator('.editor-instance .glyph-margin-widgets [class*="codicon-debug-breakpoint"]:not([class*=hint])');
    const before = await dots.count();
    await this.page.mouse.click(x, y);
    await this.page.waitForFunction(
      ([selector, count]) => document.querySelectorAll(selector).length !== count,
      ['.editor-instance .glyph-margin-widgets [class*="codicon-debug-breakpoint"]:not([class*=hint])', before],
    );
  }

  /** The place of the nth occurrence of a word in a line of the editor. */
  async placeOf(line, word) {
    const number = await this.lineNumber(line).first().boundingBox();
    const place = await this.page.evaluate(
      ([y, wanted]) => {
        for (const row of document.querySelectorAll(".editor-instance .view-line")) {
          const box = row.getBoundingClientRect();
          if (y < box.top || y > box.bottom) continue;
          const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const at = walker.currentNode.data.search(new RegExp(`\\b${wanted}\\b`));
            if (at < 0) continue;
            const range = document.createRange();
            range.setStart(walker.currentNode, at);
            range.setEnd(walker.currentNode, at + wanted.length);
            const { left, top, width, height } = range.getBoundingClientRect();
            return { x: left + width / 2, y: top + height / 2 };
          }
        }
        return null;
      },
      [number.y + number.height / 2, word],
    );
    if (!place) throw new Error(`no ${word} in line ${line}`);
    return place;
  }

  async cursorTo(line) {
    await this.keyboard.press("Control+1"); // the editor has the focus
    await this.keyboard.press("Control+g");
    await this.page.locator(".quick-input-widget:visible input").waitFor();
    await this.keyboard.insertText(String(line));
    await this.keyboard.press("Enter");
    await this.page.locator(".quick-input-widget").first().waitFor({ state: "hidden" });
  }

  async text() {
    const lines = await this.page.locator(".editor-instance .view-lines").first().innerText();
    return lines.replaceAll("\u00a0", " ");
  }

  // Commands -----------------------------------------------------------------------------------

  async command(name) {
    await this.keyboard.press("F1");
    await this.pick(`>${name}`, name);
  }

  /** Writes into the box that is open and takes the entry that is named. */
  async pick(text, label = text) {
    const input = this.page.locator(".quick-input-widget:visible input").first();
    await input.fill(text);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: label }).first().click();
  }

  /** Starts what launch.json calls by a name, as soon as VS Code has read it. */
  async startConfiguration(name) {
    const entry = this.page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first();
    await this.until(entry, async () => {
      await this.keyboard.press("Control+p");
      await this.page.locator(".quick-input-widget:visible input").first().fill(`debug ${name}`);
    });
    await entry.click();
  }

  /** What a dialog says; closes it. */
  async dialog(text, screenshot) {
    const dialog = this.page.locator(".monaco-dialog-box", { hasText: text });
    await dialog.waitFor();
    if (screenshot) await this.screenshot(screenshot);
    await this.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  }

  /** Of the buttons that run a file the one that is in the menu beside the first. */
  async chooseRunButton(title) {
    const entry = this.page.locator(".monaco-menu .action-item", { hasText: title }).first();
    await this.until(entry, () => this.page.locator(".editor-actions .dropdown-action-container").first().click());
    await entry.click();
  }

  lines(text) {
    return this.page.locator(".editor-instance .view-line", { hasText: text });
  }

  line(text) {
    return this.lines(text).first();
  }

  /** A completion that is offered. */
  offered(text) {
    return this.page.locator(".suggest-widget.visible .monaco-list-row", { hasText: text }).first();
  }

  /** Asks for completions until this one is among them: a server may be starting yet. */
  async untilOffered(text) {
    return this.until(this.offered(text), async () => {
      if (await this.offered(text).isVisible()) return;
      await this.keyboard.press("Escape");
      await this.keyboard.press("Control+Space");
    });
  }

  async typeIntoTerminal(text) {
    await this.page.locator(".terminal-wrapper .xterm-helper-textarea").first().focus();
    await this.keyboard.type(text);
  }

  /** A line that a terminal shows. */
  terminal(text) {
    return this.page.locator(".terminal-wrapper .xterm-rows > div", { hasText: text }).first();
  }

  async answer(text) {
    const input = this.page.locator(".quick-input-widget:visible input").first();
    await input.fill(text);
    await input.press("Enter");
  }

  /** Waits for a message to the user; gives its element in the list of messages, which may close when one is gone. */
  async notification(text) {
    const found = this.page.locator(".notifications-center .notification-list-item", { hasText: text }).first();
    return this.until(found, () => this.command("Notifications: Show Notifications"));
  }

  async dismissNotifications() {
    await this.command("Notifications: Clear All Notifications");
  }

  // Debugging ----------------------------------------------------------------------------------

  /** Waits until the program is paused on a line of the file that is seen. */
  async stoppedAt(line) {
    const arrow = this.page.locator(".editor-instance [class*=debug-stackframe], .editor-instance [class*=breakpoint-stackframe]");
    await this.page.waitForFunction(
      ([wanted]) => {
        const glyph = document.querySelector(
          ".editor-instance .codicon-debug-stackframe, .editor-instance [class*=breakpoint-stackframe]",
        );
        if (!glyph) return false;
        const y = glyph.getBoundingClientRect();
        const middle = y.top + y.height / 2;
        return [...document.querySelectorAll(".editor-instance .margin-view-overlays .line-numbers")].some((one) => {
          const box = one.getBoundingClientRect();
          return one.textContent === String(wanted) && box.top <= middle && middle <= box.bottom;
        });
      },
      [line],
    );
    await arrow.first().waitFor();
    await this.page.locator(".debug-toolbar .codicon-debug-continue").waitFor(); // F5 goes on from now
    await this.page.locator(".debug-call-stack .monaco-list-row.selected, .debug-call-stack .stack-frame").first().waitFor();
  }

  async running() {
    await this.page.locator(".debug-toolbar").waitFor();
  }

  async ended() {
    await this.page.locator(".debug-toolbar").waitFor({ state: "hidden" });
  }

  variable(name) {
    const exactly = this.page.locator(".name", { hasText: new RegExp(`^${name}( =|:)?\\s*$`) });
    return this.page.locator(".debug-variables .monaco-list-row").filter({ has: exactly }).first();
  }

  scope(name) {
    return this.page.locator(".debug-variables .monaco-list-row", { hasText: new RegExp(`^${name}$`) }).first();
  }

  async valueOf(name) {
    return (await this.variable(name).locator(".value").first().innerText()).trim();
  }

  async expand(row) {
    const expanded = await row.getAttribute("aria-expanded");
    if (expanded !== "true") await row.locator(".monaco-tl-twistie").first().click();
  }

  /** Does something until it has had its effect. */
  async until(seen, act) {
    return until(seen, act);
  }

  /** Rests the mouse on a word until its value is shown. */
  async hover(line, word) {
    return this.until(this.page.locator(".debug-hover-widget").first(), async () => {
      const { x, y } = await this.placeOf(line, word);
      await this.page.mouse.move(x, y + 200);
      await this.page.mouse.move(x, y, { steps: 4 });
    });
  }

  async console() {
    await this.command("Debug Console: Focus on Debug Console View");
    await this.page.locator(".repl-input-wrapper .monaco-editor.focused, .repl-input-wrapper .monaco-editor").first().waitFor();
  }

  output(text) {
    return this.page.locator(".repl .monaco-list-row", { hasText: text }).first();
  }

  pane(title) {
    return this.page.locator(".pane", { has: this.page.locator(".pane-header", { hasText: title }) }).first();
  }

  /** What is above the code: the nth of a title, from the top. */
  lens(title, nth = 0) {
    return this.page.locator(".codelens-decoration a", { hasText: new RegExp(`^${title}$`) }).nth(nth);
  }

  /** The names of so many frames: VS Code asks for the first one alone, and for the others a little later. */
  async stack(count) {
    const names = this.page.locator(".debug-call-stack .stack-frame .label");
    await names.nth(count - 1).waitFor();
    return names.allInnerTexts();
  }

  async watch(expression) {
    const pane = this.pane("Watch");
    await pane.locator(".pane-header").hover();
    await pane.locator('a[aria-label^="Add Expression"]').click();
    await this.page.locator(".debug-watch input").fill(expression);
    await this.keyboard.press("Enter");
  }

  async watchShows(expression, value) {
    const row = this.page.locator(".debug-watch .monaco-list-row", { hasText: `${expression} =` });
    await row.locator(".value", { hasText: new RegExp(`^${value}$`) }).waitFor();
  }

  async valueBecomes(name, value) {
    await this.variable(name).locator(".value", { hasText: new RegExp(`^${value}$`) }).waitFor();
  }

  async setVariable(name, value) {
    await this.variable(name).locator(".value").dblclick();
    const input = this.page.locator(".debug-variables input");
    await input.fill(value);
    await input.press("Enter");
    await this.valueBecomes(name, value);
  }

  /** Writes the condition or the message of the breakpoint that is being made. */
  async breakpointWidget(text) {
    await this.page.locator(".breakpoint-widget .monaco-editor.focused").waitFor();
    await this.keyboard.insertText(text);
    await this.keyboard.press("Enter");
    await this.page.locator(".breakpoint-widget").waitFor({ state: "hidden" });
  }

  async tickException(label) {
    const row = this.page.locator(".debug-breakpoints .monaco-list-row", { hasText: label });
    await row.locator("input, .monaco-checkbox").first().click();
  }

  viewItem(view, label) {
    const exactly = this.page.locator(".label-name", { hasText: new RegExp(`^${label}$`) });
    return this.pane(view).locator(".monaco-list-row").filter({ has: exactly }).first();
  }

  /** Opens an entry of a view that has others below it. */
  async openItem(view, label) {
    const item = this.viewItem(view, label);
    await item.waitFor();
    await this.expand(item);
  }

  /** The action beside an entry of a view, seen while the mouse is there. */
  async act(view, label, action) {
    await this.viewItem(view, label).hover();
    await this.viewItem(view, label).locator(`a[aria-label^="${action}"]`).click();
  }

  /** An entry of the menu of an entry of a view. */
  async menu(view, label, action) {
    await this.viewItem(view, label).click({ button: "right" });
    const item = this.page.locator(".monaco-menu .action-item", { hasText: action }).first();
    await item.click();
    for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
      // A menu that has just opened may take no click yet: it stays open then.
      if (await item.waitFor({ state: "hidden", timeout: 2000 }).then(() => true, () => false)) return;
      await item.click({ timeout: 2000 }).catch(() => undefined); // it has closed meanwhile
    }
  }

  /** The page that an extension shows. */
  webview() {
    return this.page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame");
  }

  /** Types into the editor and waits until a completion is offered: the server may be starting yet. */
  async typeUntilOffered(text, offer) {
    await this.keyboard.type(text, { delay: 20 });
    return this.untilOffered(offer);
  }

  /** What is offered to mend the place of the cursor. */
  async quickFix(text) {
    const row = this.page.locator(".action-widget .monaco-list-row", { hasText: text }).first();
    return this.until(row, () => this.keyboard.press("Control+."));
  }
}
