// A test in a real workbench: one server for a file of tests, and one page, which is tidied between them.
import { after, before, test } from "node:test";
import { launchBrowser, screenshotOfFailure } from "../browser.mjs";
import { Server } from "./server.mjs";
import { Workbench } from "./workbench.mjs";

/**
 * `settings` are the user's, beside those of every test. Gives what declares a test; `fresh` has a page of its own,
 * for what is read when a workbench starts.
 */
export function inWorkbench(settings = {}, options = {}) {
  const server = new Server(settings, options);
  let browser;
  let workbench; // as the last story has left it

  const close = async () => {
    await workbench?.page.context().close();
    workbench = undefined;
  };

  before(async () => {
    await server.start();
    browser = await launchBrowser();
  });

  after(async () => {
    await browser?.close();
    await server.stop();
  });

  return (name, story, { needs, fresh = false } = {}) =>
    test(name, { timeout: 240_000 }, async (t) => {
      if (needs && !server.commands().includes(needs) && !process.env.CI)
        return t.skip(`this llmspell has no command ${needs}`);
      if (fresh) await close();
      try {
        await workbench?.tidy(server.tidyKey);
        server.freshWorkspace();
        workbench ??= await Workbench.open(browser, `${server.origin}/?folder=${encodeURIComponent(server.workspace)}`);
        await story(workbench, server);
      } catch (error) {
        if (workbench) await screenshotOfFailure(workbench.page, name);
        await close();
        throw error;
      } finally {
        if (fresh) await close();
      }
    });
}
