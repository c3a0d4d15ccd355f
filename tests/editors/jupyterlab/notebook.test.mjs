// Cells in Lua in JupyterLab: what they show, what helps to write them, what ends them.
import assert from "node:assert/strict";
import { inJupyterLab } from "./story.mjs";

const story = inJupyterLab();

/** The number of the cell whose text has this. */
async function cellWith(lab, text) {
  const texts = await lab.page.locator(".jp-Notebook .jp-CodeCell .jp-InputArea .cm-content").allInnerTexts();
  return texts.findIndex((one) => one.includes(text)) + 1;
}

story("Run All shows all that the tour has", "tour.ipynb", async (l) => {
  await l.menu("Run", "Run All Cells", l.prompt(1).filter({ hasNotText: "[ ]" }));
  const [, greet, , planets, bars, progress, circle, png, fraction] = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((n) => n + 1);
  await l.shows(1, /^42$/, "text/plain");
  await l.shows(greet, "Hello, notebook!", "stdout");
  await l.shows(greet, "Hello, again!\t9", "text/plain");
  assert.equal(await (await l.shows(planets, "Mars", "text/html")).locator("tbody tr").count(), 3);
  assert.equal(await (await l.shows(bars, "Earth", "text/html")).locator("div[style]").count(), 3);
  await l.shows(progress, /^100 %$/, "text/plain"); // one output, shown anew four times
  await l.output(circle, "image/svg+xml").locator("img, svg").waitFor();
  await l.page.waitForFunction(
    (cell) => {
      const image = document.querySelectorAll(".jp-Notebook .jp-CodeCell")[cell].querySelector(".jp-OutputArea-output img");
      return image?.complete && image.naturalWidth === 240 && image.naturalHeight === 160;
    },
    png - 1,
  );
  await l.output(fraction, "text/latex").locator("mjx-container").waitFor();
  const failing = await cellWith(l, "average {");
  await l.shows(failing, /^2\.0\n$/, "stdout");
  const error = await l.shows(failing, "attempt to perform arithmetic on a table value", "stderr");
  assert.match(await error.innerText(), /LuaError: In\[\d+\]:3: .*\n[^]*---> +3 [^]*stack traceback:\n\s+In\[\d+\]:3: in /);
  await error.locator("span.ansi-red-intense-fg", { hasText: "LuaError" }).waitFor();
  await error.locator("span.ansi-cyan-fg", { hasText: /^In\[\d+\]:3$/ }).waitFor();
  await l.output(png).scrollIntoViewIfNeeded();
  await l.screenshot("jupyterlab tour");
});

story("Tab completes, Shift+Tab tells", ["string.fo", "function area(w, h)\n  return w * h\nend", "area", "area(2"], async (l) => {
  await l.run(2);
  await l.numbered(2, 1);
  const item = l.page.locator(".jp-Completer-item", { hasText: "format" });
  await l.take(item, () => l.pressAtEnd(1, "Tab"), l.cell(1).locator(".cm-line", { hasText: /^string\.format$/ }));
  const tooltip = l.page.locator(".jp-Tooltip", { hasText: "function area(w, h)" });
  await l.until(tooltip, () => l.pressAtEnd(3, "Shift+Tab"));
  assert.match(await tooltip.innerText(), /defined in In\[1\], line 1[^]*return w \* h/);
  await l.screenshot("jupyterlab tooltip");
});

story("the button interrupts an endless loop, and a restart forgets", ["kept = 41", "while true do end", "return kept"], async (l) => {
  await l.run(1);
  await l.numbered(1, 1);
  await l.run(2);
  await l.busy();
  await l.interrupt(l.output(2, "stderr").filter({ hasText: "Interrupted: the cell was interrupted" }).first());
  await l.run(3);
  await l.shows(3, /^41$/);
  await l.restart();
  await l.run(3);
  await l.shows(3, /^nil$/);
  await l.numbered(3, 1);
});

story("io.read asks the person", ["io.write('Your name? ')\nlocal name = io.read()\nprint('Hello, ' .. name)"], async (l) => {
  await l.run(1);
  const box = l.page.locator(".jp-Stdin-input");
  await box.fill("Ada");
  await box.press("Enter");
  await l.shows(1, "Hello, Ada", "stdout");
});
