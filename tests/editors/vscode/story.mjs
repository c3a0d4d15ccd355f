// A test in a real workbench: one server for a file of tests, a page of its own for each.
import { after, before, test } from "node:test";
import { launchBrowser } from "../browser.mjs";
import { Server } from "./server.mjs";
import { Workbench } from "./workbench.mjs";

/** `settings` are the user's, beside those of every test. Gives what declares a test. */
export function inWorkbench(settings = {}) {
  const server = new Server(settings);
  let browser;

  before(async () => {
    await server.start();
    browser = await launchBrowser();
  });

  after(async () => {
    await browser?.close();
    await server.stop();
  });

  return (name, story, { needs, place = (workspace) => `folder=${encodeURIComponent(workspace)}` } = {}) =>
    test(name, { timeout: 240_000 }, async (t) => {
      if (needs && !server.commands().includes(needs) && !process.env.CI)
        return t.skip(`this llmspell has no command ${needs}`);
      server.freshWorkspace();
      const workbench = await Workbench.open(browser, `${server.origin}/?${place(server.workspace)}`);
      try {
        await story(workbench, server);
      } catch (error) {
        await workbench.screenshot(`failed ${name.replace(/[^\w ]/g, "")}`);
        throw error;
      } finally {
        await workbench.page.context().close();
      }
    });
}
