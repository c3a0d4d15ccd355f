// Stories told by VS Code's own API, in its extension host: host/index.js.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT, Server } from "./server.mjs";
import { launchBrowser, openPage } from "../browser.mjs";

const server = new Server({}, { extensions: ["ms-python", "sumneko-lua"] });
let browser;

before(async () => {
  await server.start();
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await server.stop();
});

test("what the extension host tells", { timeout: 400_000 }, async () => {
  const second = join(server.home, "zweiter Ordner");
  mkdirSync(second);
  const workspace = join(server.home, "both.code-workspace");
  writeFileSync(workspace, JSON.stringify({ folders: [{ path: server.workspace }, { path: second }] }));
  const page = await openPage(browser);
  const log = [];
  const ended = new Promise((resolve) => void page.exposeFunction("codeAutomationExit", resolve));
  await page.exposeFunction("codeAutomationLog", (type, args) => log.push(args.map(String).join(" ")));
  const host = `vscode-remote://${new URL(server.origin).host}`;
  const tests = join(ROOT, "tests/editors/vscode/host");
  const payload = [
    ["extensionDevelopmentPath", host + tests],
    ["extensionTestsPath", `${host}${tests}/index.js`],
  ];
  const query = `workspace=${encodeURIComponent(workspace)}&payload=${encodeURIComponent(JSON.stringify(payload))}`;
  await page.goto(`${server.origin}/?${query}`);
  const code = await ended;
  const told = log.flatMap((line) => /(?:ok|FAILED): [^]*/.exec(line) ?? []).join("\n");
  console.log(told);
  assert.equal(code, 0, `${told}\n…\n${log.slice(-8).join("\n")}`);
});
