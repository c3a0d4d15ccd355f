// The editor of the workbench and its box for commands, as a person uses them. Everything waits for what it needs to see, and is done
// again until it is seen.
import { gone, PATIENCE, screenshot, take, told, until } from "../browser.mjs";

const BREAKPOINT = '[class*="codicon-debug-breakpoint"]:not([class*=hint])';
export const INPUT = ".native-edit-context"; // of an editor of any kind

/** In the page: the lines that have a mark of a kind in the margin. */
export function linesMarked(kind) {
  const numbers = [...document.querySelectorAll(".editor-instance .margin-view-overlays .line-numbers")];
  const boxes = numbers.map((one) => [Number(one.textContent), one.getBoundingClientRect()]);
  const lines = [...document.querySelectorAll(`.editor-instance .glyph-margin-widgets ${kind}`)].map((mark) => {
    const { top, height } = mark.getBoundingClientRect();
    const middle = top + height / 2;
    return boxes.find(([, box]) => box.top <= middle && middle <= box.bottom)?.[0];
  });
  return lines.sort((one, other) => one - other);
}

export class Editing {
  constructor(page) {
    this.page = page;
    this.keyboard = page.keyboard;
    this.editor = page.locator(`.editor-instance ${INPUT}`).first();
  }

  async screenshot(name) {
    await screenshot(this.page, name);
  }

  /** Does something until it has had its effect; harmless if done twice. */
  async until(seen, act, least) {
    return until(this.page, seen, act, least);
  }

  async take(offer, ask, seen, options) {
    return take(this.page, offer, ask, seen, options);
  }

  // The box for commands and choices -----------------------------------------------------------

  quickInput() {
    return this.page.locator(".quick-input-widget:visible input").first();
  }

  /** Runs a command until its effect is seen. */
  async command(name, seen) {
    return this.until(seen, () => this.run(name));
  }

  async run(name) {
    await this.keyboard.press("F1");
    await this.pick(`>${name}`, name);
  }

  /** Writes into the box that is open and takes the entry that is named. */
  async pick(text, label = text) {
    await this.quickInput().fill(text);
    await this.choose(label);
  }

  async choose(label) {
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: label }).first().click();
  }

  async answer(text) {
    await this.quickInput().fill(text);
    await this.quickInput().press("Enter");
  }

  // Files and texts ----------------------------------------------------------------------------

  async openFile(name) {
    const row = this.page.locator(".explorer-folders-view .monaco-list-row", { hasText: name }).first();
    const shown = this.page.locator(".monaco-workbench:not(.nosidebar) .explorer-folders-view");
    await this.until(this.page.locator(".tab.active", { hasText: name }), async () => {
      if (!(await shown.isVisible())) await this.keyboard.press("Control+Shift+e");
      await row.dblclick();
    });
    const lens = this.page.locator(".editor-instance .codelens-decoration a").first();
    await lens.waitFor({ timeout: 3 * PATIENCE }); // the extension is awake: the first time all of VS Code has to start for that
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

  /** The lines with a breakpoint. */
  async breakpoints() {
    return this.page.evaluate((kind) => window.linesMarked(kind), BREAKPOINT);
  }

  /** Clicks beside a line; what a layout that moved under the mouse has made of it is clicked away. */
  async toggleBreakpoint(line) {
    const before = await this.breakpoints();
    const wanted = before.includes(line) ? before.filter((one) => one !== line) : [...before, line].sort((a, b) => a - b);
    const seen = told(this.page, ([kind, lines]) => window.linesMarked(kind).join() === lines, BREAKPOINT, wanted.join());
    await this.until(seen, async () => {
      const now = await this.breakpoints();
      const wrong = [...now, ...wanted].find((one) => now.includes(one) !== wanted.includes(one));
      if (wrong === undefined) return;
      const { x, y } = await this.glyphPlace(wrong);
      await this.page.mouse.click(x, y);
    });
  }

  /** The place of a word in a line of the editor. */
  async placeOf(line, word) {
    const number = await this.lineNumber(line).first().boundingBox();
    const place = await this.page.waitForFunction(
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
    return place.jsonValue();
  }

  /** The cursor is there, as the status bar says. */
  cursorIn(line, column = "\\d+") {
    return this.page.locator('[id="status.editor.selection"]', { hasText: new RegExp(`^Ln ${line}, Col ${column}\\b`) });
  }

  async cursorTo(line) {
    await this.until(this.cursorIn(line), async () => {
      await this.editor.press("Control+g");
      await this.answer(`:${line}`);
    });
    await gone(this.quickInput()).waitFor();
  }

  async clickOn(line, word) {
    await this.until(this.cursorIn(line), async () => {
      const { x, y } = await this.placeOf(line, word);
      await this.page.mouse.click(x, y);
    });
  }

  /** Types a line instead of what is in the cursor's line. */
  async typeLine(text) {
    await this.until(this.line(text), async () => {
      for (const key of ["End", "Shift+Home", "Delete"]) await this.editor.press(key);
      await this.editor.pressSequentially(text, { delay: 20 });
    });
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
      await this.editor.press("Escape");
      await this.editor.press("Control+Space");
    });
  }

  async complete(text, seen) {
    await this.take(this.offered(text), () => this.editor.press("Control+Space"), seen);
  }

  /** What is offered to mend the place of the cursor. */
  fix(text) {
    return this.page.locator(".action-widget .monaco-list-row", { hasText: text }).first();
  }

  async quickFix(text) {
    return this.until(this.fix(text), () => this.editor.press("Control+."));
  }

  /** Answers a program that asks in a terminal: what is typed is seen before it is sent. */
  async answerInTerminal(question, text) {
    const input = this.page.locator(".terminal-wrapper .xterm-helper-textarea").first();
    await this.terminal(question).waitFor();
    await this.until(this.terminal(question + text), async () => {
      await input.press("Control+u"); // nothing is typed yet
      await input.pressSequentially(text);
    });
    await input.press("Enter");
  }

  /** A line that a terminal shows. */
  terminal(text) {
    return this.page.locator(".terminal-wrapper .xterm-rows > div", { hasText: text }).first();
  }
}
