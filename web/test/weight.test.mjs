// What a first visit costs over the wire, compressed with gzip, which every client takes (brotli is smaller still). The HTML
// has its share of the budget set aside; the pages' own tests weigh whole visits.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { candidateScripts, stableScripts } from '../entries.mjs';
import { web } from './files.mjs';

const dist = path.join(web, 'dist');
const manifest = JSON.parse(readFileSync(path.join(dist, 'manifest.json'), 'utf8'));
const kB = 1024;

// files gives a script with all that it imports at once; what it imports when it is wanted (import(...)) is not in the first load.
function files(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  const text = readFileSync(path.join(dist, name), 'utf8');
  for (const [, part] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) files(part, seen);
  return seen;
}

const size = (names) => [...names].reduce((sum, name) => sum + gzipSync(readFileSync(path.join(dist, name)), { level: 9 }).length, 0);
const scripts = (...entries) => {
  const seen = new Set();
  for (const entry of entries) files(manifest[entry], seen);
  return seen;
};
const built = (names) => names.map((name) => name.replace(/ts$/, 'js'));
const candidates = built(candidateScripts);
const others = [...candidates, ...built(stableScripts), 'app.js', 'auth.js'];
const employers = Object.keys(manifest).filter((name) => name.endsWith('.js') && !others.includes(name));

for (const entry of candidates) {
  test(`a candidate's page with ${entry} stays within its budget`, () => {
    const js = size(scripts(entry));
    const css = size([manifest['candidate.css']]);
    assert.ok(js <= 30 * kB, `${js} bytes of script`);
    assert.ok(js + css <= 48 * kB, `${js} bytes of script and ${css} of style leave the HTML too little of 60 KB`);
  });

  test(`${entry} shares nothing with the employer's scripts`, () => {
    const theirs = scripts('app.js', ...employers);
    assert.deepEqual([...scripts(entry)].filter((name) => theirs.has(name)), []);
  });
}

for (const entry of employers) {
  test(`an employer's page with ${entry} stays within its budget`, () => {
    const js = size(scripts('app.js', entry));
    const css = size([manifest['app.css']]);
    assert.ok(js <= 80 * kB, `${js} bytes of script`);
    assert.ok(js + css <= 120 * kB, `${js} bytes of script and ${css} of style leave the HTML too little of 150 KB`);
  });
}

test('fonts stay within their budgets', () => {
  const bytes = (...names) => names.reduce((sum, name) => sum + statSync(path.join(dist, manifest[name])).size, 0);
  assert.ok(bytes('inter.woff2') <= 50 * kB);
  assert.ok(bytes('inter.woff2', 'jetbrains-mono.woff2') <= 90 * kB);
  const sheet = readFileSync(path.join(dist, manifest['candidate.css']), 'utf8');
  assert.equal([...sheet.matchAll(/\.woff2/g)].length, 1);
  assert.match(sheet, /font-display:optional/);
});

test('every built file has its compressed twins, and they say the same', () => {
  for (const name of Object.values(manifest).filter((n) => /\.(css|js)$/.test(n) || n.startsWith('icons-'))) {
    for (const twin of ['.gz', '.br']) assert.ok(statSync(path.join(dist, name + twin)).size < statSync(path.join(dist, name)).size, name + twin);
  }
});
