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

export async function launchBrowser() {
  const args = ["--disable-dev-shm-usage", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args });
}

export async function screenshot(page, name) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

/** Does something until it has had its effect: what a page draws or learns meanwhile may undo it. */
export async function until(seen, act) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
    await act();
    if (await seen.waitFor({ timeout: 3000 }).then(() => true, () => false)) return seen;
  }
  await seen.waitFor({ timeout: 1 });
  return seen;
}
