// Chromium, and what every page that is tested needs: patience instead of times, and pictures of what there was.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const EDITORS = process.env.LLMSPELL_EDITORS ?? join(ROOT, "build/editors");
const { chromium } = createRequire(join(EDITORS, "code-server/package.json"))("playwright-core");
const SCREENSHOTS = join(ROOT, "build/screenshots");
export const PATIENCE = Number(process.env.PATIENCE ?? 30_000);
export const ONCE = PATIENCE / 2; // for what is not to be done again unless it was certainly lost

export async function launchBrowser() {
  const args = ["--disable-dev-shm-usage", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args });
}

/** A page, or on a machine that many others use: SLOWER=4 leaves it a quarter of the processor. */
export async function openPage(browser, options) {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(PATIENCE);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: Number(process.env.SLOWER ?? 1) });
  return page;
}

export async function screenshot(page, name) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

/** What there was when a story failed; the failure is what counts, even where no picture can be made any more. */
export async function screenshotOfFailure(page, story) {
  await screenshot(page, `failed ${story.replace(/[^\w ]/g, "")}`).catch(() => undefined);
}

/**
 * Does something until it has had its effect. What a page draws, learns or moves the focus to meanwhile may undo it, or take away what is
 * acted on; so it is done again, with more time each time. It must do no harm when it is done twice, or by half.
 * `seen` is a locator, or whatever can be waited for as one; it counts once all has been done. What takes long, and would do harm when it
 * is done again meanwhile, has `least` to have its effect: ONCE.
 */
export async function until(page, seen, act, least = 0) {
  let done = false;
  const end = Date.now() + PATIENCE;
  for (let wait = 3000; ; wait = Math.min(2 * wait, PATIENCE)) {
    page.setDefaultTimeout(wait);
    const problem = await (async () => act())().then(() => undefined, (error) => error);
    page.setDefaultTimeout(PATIENCE);
    done ||= !problem;
    const missing = await seen.waitFor({ timeout: problem ? wait : Math.max(wait, least) }).catch((error) => error);
    if (done && !missing) return seen;
    if (Date.now() > end || page.isClosed()) throw Object.assign(missing ?? problem, { cause: problem });
  }
}

/** Takes what is offered, an entry of a menu for one, and asks for it where it is not there, until that has had its effect. */
export async function take(page, offer, ask, seen, options) {
  return until(page, seen, async () => {
    if (!(await offer.isVisible())) await ask();
    await offer.click(options);
  });
}

/** What is waited for until it is not there any more. */
export function gone(locator) {
  return { waitFor: (options) => locator.waitFor({ ...options, state: "hidden" }) };
}

/** What is waited for until the page says so. */
export function told(page, question, ...args) {
  return { waitFor: ({ timeout } = {}) => page.waitForFunction(question, args, { timeout }).then(() => undefined) };
}
