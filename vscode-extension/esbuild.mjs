// Bundles the extension into dist/extension.js; with --tests, the tests of what needs no VS Code into build/test.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const shared = { bundle: true, platform: "node", format: "cjs", target: "node20", logLevel: "warning" };

async function tests() {
  rmSync("build/test", { recursive: true, force: true });
  const entryPoints = readdirSync("test").map((name) => `test/${name}`);
  await build({ ...shared, entryPoints, outdir: "build/test", sourcemap: "inline" });
}

async function extension(production) {
  const { metafile } = await build({
    ...shared,
    entryPoints: ["src/extension.ts"],
    outfile: "dist/extension.js",
    external: ["vscode"],
    minify: production,
    sourcemap: !production,
    metafile: true,
  });
  writeFileSync("dist/third-party-licenses.txt", licenses(Object.keys(metafile.inputs)));
}

/** The licences of the packages that are bundled. */
function licenses(files) {
  const folders = new Set(files.flatMap((file) => file.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/) ?? []));
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    const file = readdirSync(folder).find((one) => /^licen[sc]e/i.test(one));
    const text =
      file && existsSync(`${folder}/${file}`) ? readFileSync(`${folder}/${file}`, "utf8") : license;
    return `${name} ${version} (${license})\n\n${text}`;
  });
  return texts.join(`\n\n${"-".repeat(80)}\n\n`);
}

await (process.argv.includes("--tests") ? tests() : extension(process.argv.includes("--production")));
