// A test in a real JupyterLab: one server for a file of tests, a page and a kernel of its own for each.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser, screenshotOfFailure } from "../browser.mjs";
import { Lab } from "./lab.mjs";
import { Server } from "./server.mjs";

/** Gives what declares a test. Its story is told of the page with the notebook that `cells` make, or is named. */
export function inJupyterLab() {
  const server = new Server();
  let browser;

  before(async () => {
    [browser] = await Promise.all([launchBrowser(), server.start()]);
  });

  after(async () => {
    await browser?.close();
    await server.stop();
  });

  return (name, cells, story) =>
    test(name, { timeout: 240_000 }, async () => {
      const notebook = server.notebook("story.ipynb", cells);
      const lab = await Lab.open(browser);
      try {
        await lab.load(`${server.origin}/lab/tree/${notebook}?reset`);
        await story(lab, server);
      } catch (error) {
        await screenshotOfFailure(lab.page, name);
        throw error;
      } finally {
        await lab.page.context().close();
        await server.endSessions();
      }
      assert.deepEqual(server.kernels(), [], "a kernel was left");
    });
}
