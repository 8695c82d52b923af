// Builds web/dist: bundles with the content's hash in their names, their compressed twins, and the manifest that the
// program reads. Everything is made in memory first, and the manifest is written last, so that dist is whole at any moment.
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import * as esbuild from 'esbuild';
import { candidateScripts, stableScripts } from './entries.mjs';

const root = path.dirname(fileURLToPath(import.meta.url));
const src = path.join(root, 'src');
const dist = path.join(root, 'dist');

const common = {
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  outdir: dist,
  absWorkingDir: root,
  logLevel: 'warning',
  target: ['es2022', 'chrome111', 'firefox114', 'safari16.4'],
  entryNames: '[name]-[hash]',
  chunkNames: 'part-[hash]',
  assetNames: '[name]-[hash]',
  loader: { '.woff2': 'file', '.svg': 'file' },
  legalComments: 'none',
  charset: 'utf8',
};

// Dark values stand once in tokens.css, in an @dark block. They hold for the system's preference and for a person's choice;
// on paper nothing is dark.
const darkTokens = {
  name: 'dark-tokens',
  setup(build) {
    build.onLoad({ filter: /[\\/]tokens\.css$/ }, async ({ path: file }) => {
      const text = await readFile(file, 'utf8');
      const contents = text.replace(/@dark\s*\{([^}]*)\}/g, (_, values) =>
        `@media screen { :root[data-theme="dark"] {${values}} }\n` +
        `@media screen and (prefers-color-scheme: dark) { :root:not([data-theme="light"]) {${values}} }`);
      return { contents, loader: 'css' };
    });
  },
};

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 8).toUpperCase();

// files: name in dist -> bytes. manifest: the name that a template says -> name in dist.
const files = new Map();
const manifest = {};

async function bundle(entries, options) {
  if (entries.length === 0) return;
  const result = await esbuild.build({ ...common, ...options, entryPoints: entries.map((e) => path.join(src, e)) });
  for (const out of result.outputFiles) files.set(path.basename(out.path), out.contents);
  for (const [out, meta] of Object.entries(result.metafile.outputs)) {
    // A part that is loaded when it is wanted is an entry point to esbuild too; no page names it.
    if (entries.some((entry) => meta.entryPoint === `src/${entry}`)) manifest[path.basename(meta.entryPoint).replace(/\.ts$/, '.js')] = path.basename(out);
    const font = Object.keys(meta.inputs).find((input) => input.endsWith('.woff2'));
    if (font && out.endsWith('.woff2')) manifest[path.basename(font).split('-latin')[0] + '.woff2'] = path.basename(out);
  }
}

// One sprite of every icon. What a symbol inherits (stroke, width) is set where it is used.
async function sprite() {
  const names = (await readdir(path.join(src, 'icons'))).filter((n) => n.endsWith('.svg')).sort();
  const symbols = await Promise.all(names.map(async (name) => {
    const text = await readFile(path.join(src, 'icons', name), 'utf8');
    const [, box, body] = /<svg[^>]*viewBox="([^"]+)"[^>]*>([\s\S]*)<\/svg>/.exec(text) ?? [];
    if (!body) throw new Error(`src/icons/${name} is not an icon: it wants one <svg> with a viewBox`);
    return `<symbol id="${name.slice(0, -4)}" viewBox="${box}">${body.trim()}</symbol>`;
  }));
  hashed('icons.svg', Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>`));
}

function hashed(name, bytes) {
  const { name: stem, ext } = path.parse(name);
  const out = `${stem}-${hash(bytes)}${ext}`;
  files.set(out, bytes);
  manifest[name] = out;
}

async function compress() {
  const brotli = promisify(zlib.brotliCompress);
  const gzip = promisify(zlib.gzip);
  await Promise.all([...files].filter(([name]) => !name.endsWith('.woff2')).map(async ([name, bytes]) => {
    const params = { [zlib.constants.BROTLI_PARAM_QUALITY]: 11, [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    const [br, gz] = await Promise.all([brotli(bytes, { params }), gzip(bytes, { level: 9 })]);
    if (br.length < bytes.length) files.set(name + '.br', br);
    if (gz.length < bytes.length) files.set(name + '.gz', gz);
  }));
}

async function write() {
  await mkdir(dist, { recursive: true });
  const there = new Set(await readdir(dist));
  await Promise.all([...files].map(async ([name, bytes]) => {
    const same = there.has(name) && Buffer.compare(await readFile(path.join(dist, name)), Buffer.from(bytes)) === 0;
    if (!same) await writeFile(path.join(dist, name), bytes);
  }));
  const sorted = Object.fromEntries(Object.entries(manifest).sort(([a], [b]) => (a < b ? -1 : 1)));
  const next = path.join(dist, `.manifest-${process.pid}`);
  await writeFile(next, JSON.stringify(sorted, null, 2) + '\n');
  await rename(next, path.join(dist, 'manifest.json'));
  const keep = new Set([...files.keys(), 'manifest.json', '.keep']);
  await Promise.all([...there].filter((name) => !keep.has(name)).map((name) => rm(path.join(dist, name), { force: true })));
}

const scripts = (await readdir(src)).filter((n) => n.endsWith('.ts') && !n.endsWith('.d.ts'));
const only = (names) => scripts.filter((n) => names.includes(n));
const script = { format: 'esm', splitting: true };
await bundle(scripts.filter((n) => !candidateScripts.includes(n) && !stableScripts.includes(n)), script);
await bundle(only(candidateScripts), script);
await bundle(only(stableScripts), { format: 'iife', entryNames: '[name]' });
await bundle(['css/app.css', 'css/candidate.css'], { plugins: [darkTokens] });
await sprite();
hashed('favicon.svg', await readFile(path.join(src, 'favicon.svg')));
await compress();
await write();
