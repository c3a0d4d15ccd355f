// The workbench in a browser, as a person uses it.
import { gone, ONCE, openPage, told } from "../browser.mjs";
import { Editing, INPUT, linesMarked } from "./editing.mjs";

const HELD = { delay: 150 }; // ms that a button is held: a menu takes nothing in the first 100

export class Workbench extends Editing {
  static async open(browser, url) {
    const page = await openPage(browser, { viewport: { width: 1280, height: 860 } });
    await page.addInitScript(`window.linesMarked = ${linesMarked}`);
    await page.goto(url);
    await page.locator(".monaco-workbench").waitFor();
    return new Workbench(page);
  }

  constructor(page) {
    super(page);
    this.toolbar = page.locator(".debug-toolbar"); // from when there is a session to when there is none
    this.console = page.locator(`.repl-input-wrapper ${INPUT}`);
  }

  /** Nothing of the last story is left but what the workbench has learnt; `key` sees to that, and hides the side bar at the end. */
  async tidy(key) {
    await this.until(this.page.locator(".monaco-workbench.nosidebar"), () => this.keyboard.press(key), ONCE);
    await gone(this.page.locator(".editor-group-container .tab").first()).waitFor();
    await this.ended();
  }

  // Menus and messages ------------------------------------------------------------------------

  /** Shows a view by its command; gives its pane. */
  async show(view, pane) {
    return this.command(`View: Show ${view}`, this.pane(pane).locator(".pane-header"));
  }

  /** An entry of the menu that is open. */
  menuItem(text) {
    return this.page.locator(".monaco-menu .action-item", { hasText: text }).first();
  }

  /** Of the buttons that run a file the one that is in the menu beside the first. */
  async chooseRunButton(title) {
    const item = this.menuItem(title);
    await this.begin(this.toolbar, async () => {
      if (!(await item.isVisible())) await this.page.locator(".editor-actions .dropdown-action-container").first().click();
      await item.click(HELD);
    });
  }

  /** What a dialog says; closes it. */
  async dialog(text, picture) {
    const dialog = this.dialogBox(text);
    await dialog.waitFor();
    if (picture) await this.screenshot(picture);
    await this.until(gone(dialog), () => this.keyboard.press("Escape"));
  }

  dialogBox(text) {
    return this.page.locator(".monaco-dialog-box", { hasText: text });
  }

  /** A message to the user, in the list of them: the driver of smoke tests shows none by itself. */
  listed(text) {
    return this.page.locator(".notifications-center .notification-list-item", { hasText: text }).first();
  }

  /** Waits for a message to the user; gives its element in the list of messages, which may close when one is gone. */
  async notification(text) {
    return this.command("Notifications: Show Notifications", this.listed(text));
  }

  async noMessage(text) {
    await this.command("Notifications: Show Notifications", this.page.locator(".notifications-center.visible"));
    await gone(this.listed(text)).waitFor();
  }

  /** Presses a button of a message, which goes then. */
  async press(text, button) {
    const message = this.listed(text);
    await this.until(gone(message), async () => {
      if (!(await message.isVisible())) await this.run("Notifications: Show Notifications");
      await message.locator("a, button", { hasText: button }).first().click();
    });
  }

  async dismissNotifications() {
    await this.command("Notifications: Clear All Notifications", gone(this.listed("")));
  }

  // Debugging ----------------------------------------------------------------------------------

  /** Does what begins a session, until there is one or what is seen instead. To do it again meanwhile would begin another. */
  async begin(seen, act) {
    const unlessBegun = async () => {
      if (!(await this.toolbar.isVisible())) await act();
    };
    return this.until(seen, unlessBegun, ONCE);
  }

  /** Does what would begin a session, and is refused with a message. */
  async refused(message, act = () => this.editor.press("F5")) {
    await this.begin(this.listed(message), async () => {
      await act();
      await this.run("Notifications: Show Notifications");
    });
  }

  /** Begins a session with a key, from the editor. Once: in a session that has stopped meanwhile the key is another. */
  async start(key = "F5", seen = this.toolbar) {
    await this.editor.press(key);
    await seen.waitFor();
  }

  /** Chooses what launch.json calls by a name, when VS Code has read it. */
  async chooseConfiguration(name) {
    await this.keyboard.press("Control+p");
    await this.pick(`debug ${name}`, name);
  }

  async startConfiguration(name, seen = this.toolbar) {
    await this.begin(seen, () => this.chooseConfiguration(name));
  }

  /** Takes one of the ways to debug that are offered without a launch.json. */
  async startOffered(way, seen = this.toolbar) {
    await this.begin(seen, async () => {
      await this.run("Debug: Select and Start Debugging");
      await this.choose("Lua (llmspell)...");
      await this.choose(way);
    });
  }

  /** What is above the code: the nth of a title, from the top. */
  lens(title, nth = 0) {
    return this.page.locator(".codelens-decoration a", { hasText: new RegExp(`^${title}$`) }).nth(nth);
  }

  /** Calls the function below a lens with arguments that are asked for. */
  async call(title, nth, args, seen = this.toolbar) {
    await this.begin(seen, async () => {
      await this.lens(title, nth).click();
      await this.answer(args);
    });
  }

  /** Waits until the program is paused on a line of the file that is seen. */
  async stoppedAt(line) {
    await told(this.page, ([wanted]) => window.linesMarked(".codicon-debug-stackframe").join() === wanted, String(line)).waitFor();
    await this.toolbar.locator(".codicon-debug-continue").waitFor(); // F5 goes on from now
    await this.page.locator(".debug-call-stack .monaco-list-row.selected, .debug-call-stack .stack-frame").first().waitFor();
  }

  async ended() {
    await gone(this.toolbar).waitFor();
  }

  /** The names of the frames: VS Code asks for the first one alone, and for the others a little later. */
  async stackIs(...names) {
    const labels = this.page.locator(".debug-call-stack .stack-frame .label");
    for (const [n, name] of names.entries()) await labels.nth(n).filter({ hasText: new RegExp(`^${name}$`) }).waitFor();
    await gone(labels.nth(names.length)).waitFor();
  }

  variable(name) {
    const exactly = this.page.locator(".name", { hasText: new RegExp(`^${name}( =|:)?\\s*$`) });
    return this.page.locator(".debug-variables .monaco-list-row").filter({ has: exactly }).first();
  }

  scope(name) {
    return this.page.locator(".debug-variables .monaco-list-row", { hasText: new RegExp(`^${name}$`) }).first();
  }

  /** Opens a row of a tree, which may be opened by itself, or be drawn anew, meanwhile. */
  async expand(row) {
    await this.until(row.and(this.page.locator('[aria-expanded="true"]')), async () => {
      if ((await row.getAttribute("aria-expanded")) !== "true") await row.locator(".monaco-tl-twistie").first().click();
    });
  }

  async valueBecomes(name, value) {
    await this.variable(name).locator(".value", { hasText: new RegExp(`^${value}$`) }).waitFor();
  }

  async setVariable(name, value) {
    const seen = this.variable(name).locator(".value", { hasText: new RegExp(`^${value}$`) });
    const input = this.page.locator(".debug-variables input");
    await this.until(seen, async () => {
      await this.variable(name).locator(".value").dblclick();
      await input.fill(value);
      await input.press("Enter");
    });
  }

  /** Rests the mouse on a word until its value is shown. */
  async hover(line, word, text) {
    return this.until(this.page.locator(".debug-hover-widget").getByText(text).first(), async () => {
      const { x, y } = await this.placeOf(line, word);
      await this.page.mouse.move(x, y + 200);
      await this.page.mouse.move(x, y, { steps: 4 });
    });
  }

  async watch(expression) {
    const pane = this.pane("Watch");
    const input = this.page.locator(".debug-watch input");
    await this.until(this.watched(expression), async () => {
      await pane.locator(".pane-header").hover();
      await pane.locator('a[aria-label^="Add Expression"]').click();
      await input.fill(expression);
      await input.press("Enter");
    });
  }

  watched(expression) {
    return this.page.locator(".debug-watch .monaco-list-row", { hasText: `${expression} =` }).first();
  }

  async watchShows(expression, value) {
    await this.watched(expression).locator(".value", { hasText: new RegExp(`^${value}$`) }).waitFor();
  }

  /** Makes a breakpoint with a condition or a message: `command` opens a box for that, `mark` is what is seen beside the line. */
  async describeBreakpoint(line, command, text, mark) {
    const box = this.page.locator(".breakpoint-widget");
    await this.cursorTo(line);
    await this.command(command, box.locator(".monaco-editor.focused")); // it takes the focus a little after it is seen
    await this.until(box.locator(".view-line", { hasText: text }), async () => {
      await box.locator(INPUT).press("Control+a");
      await this.keyboard.insertText(text); // as a whole: nothing is completed
    });
    await this.until(gone(box), () => box.locator(INPUT).press("Enter"));
    const kind = `.codicon-debug-breakpoint-${mark}`;
    await told(this.page, ([marks, wanted]) => window.linesMarked(marks).join() === wanted, kind, String(line)).waitFor();
  }

  async tickException(label, ticked) {
    const row = this.page.locator(".debug-breakpoints .monaco-list-row", { hasText: label });
    await this.until(row.and(this.page.locator(`[aria-checked="${ticked}"]`)), async () => {
      if ((await row.getAttribute("aria-checked")) !== String(ticked)) await row.locator(".monaco-checkbox").first().click();
    });
  }

  // The console --------------------------------------------------------------------------------

  output(text) {
    return this.page.locator(".repl .monaco-list-row", { hasText: text }).first();
  }

  /** What is written in the console's box. */
  asked(text) {
    return this.page.locator(".repl-input-wrapper .view-line", { hasText: text });
  }

  async showConsole() {
    await this.command("Debug Console: Focus on Debug Console View", this.console);
  }

  async ask(text) {
    await this.console.press("Control+a");
    await this.console.pressSequentially(text);
  }

  // Views --------------------------------------------------------------------------------------

  pane(title) {
    return this.page.locator(".pane", { has: this.page.locator(".pane-header", { hasText: title }) }).first();
  }

  viewItem(view, label) {
    const exactly = this.page.locator(".label-name", { hasText: new RegExp(`^${label}$`) });
    return this.pane(view).locator(".monaco-list-row").filter({ has: exactly }).first();
  }

  /** Rests the mouse on an entry of a view until it is explained. */
  async hoverOver(item, view, text) {
    await this.until(this.page.locator(".monaco-hover", { hasText: text }).first(), async () => {
      await this.pane(view).locator(".pane-header").hover();
      await item.hover();
    });
  }

  /** The action beside an entry of a view, seen while the mouse is there. */
  async act(view, label, action, seen) {
    const press = async () => {
      await this.viewItem(view, label).hover();
      await this.viewItem(view, label).locator(`a[aria-label^="${action}"]`).click();
    };
    await this.until(seen, press, ONCE);
  }

  /** An entry of the menu of an entry of a view. */
  async menu(view, label, action, seen) {
    const open = async () => {
      await this.keyboard.press("Escape"); // another one may be there
      await this.viewItem(view, label).click({ button: "right" });
    };
    await this.take(this.menuItem(action), open, seen, HELD);
  }

  /** The page that an extension shows. */
  webview() {
    return this.page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame");
  }
}
