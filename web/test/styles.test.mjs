// What the style sheets and the templates may not hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lines, list, read } from './files.mjs';

const sheets = list('src/css', '.css');
const templates = list('templates', '.html');
const scripts = list('src', '.ts');

test('raw colours stand in the tokens alone', () => {
  const others = sheets.filter(({ name }) => !name.endsWith('/tokens.css'));
  assert.deepEqual(lines(others, /#[0-9a-f]{3,8}\b(?!.*url)|\b(rgba?|hsla?|oklch|oklab|color)\(/i), []);
  assert.deepEqual(lines(others, /(color|background|fill|stroke|border[\w-]*|outline[\w-]*):[^;]*\b(black|white|red|green|blue|gr[ae]y|orange|yellow)\b/i), []);
});

test('only tokens that exist are used', () => {
  const all = sheets.map(({ text }) => text).join('\n');
  const made = new Set([...all.matchAll(/(?<![\w-])(--[\w-]+)\s*:/g)].map(([, name]) => name));
  const used = new Set([...all.matchAll(/var\((--[\w-]+)\)/g)].map(([, name]) => name));
  assert.deepEqual([...used].filter((name) => !made.has(name)), []);
});

test('no class is styled that nothing has', () => {
  const markup = [...templates, ...scripts, ...['dashboard', 'candidate', 'chart', 'words'].flatMap((folder) => list(folder, '.go')),
    { text: ['funcs.go', 'markdown.go', 'question.go'].map(read).join('\n') }];
  const words = new Set(markup.flatMap(({ text }) => text.match(/[\w-]+/g) ?? []));
  const made = /^d[123]$/; // of a difficulty's number
  const ofChroma = /^([gkmnsclopw][a-z0-9-]{0,2}|err|bp|fm|il)$/; // a library's names
  const styled = sheets.flatMap(({ name, text }) => [...text.replace(/\/\*[\s\S]*?\*\/|url\([^)]*\)/g, '').matchAll(/\.([a-z][\w-]*)(?=[^;{}]*\{)/gi)]
    .map(([, of]) => `${name}: ${of}`));
  assert.ok(styled.length > 300);
  assert.deepEqual(styled.filter((line) => { const of = line.split(': ')[1]; return !words.has(of) && !made.test(of) && !ofChroma.test(of); }), []);
});

test('style sheets say start and end, not left and right, because pages run right to left too', () => {
  const physical = /(?<![\w-])(margin|padding|border)-(left|right|top|bottom)\b|(?<![\w-])(left|right|top|bottom|width|height|(min|max)-(width|height)):|(text-align|float|clear): (left|right)/;
  const found = lines(sheets, physical).filter((line) => !/@media|@container|direction: ltr|text-align: left;$/.test(line));
  assert.deepEqual(found, []);
});

test('nothing has a style attribute, an inline script, or a handler', () => {
  assert.deepEqual(lines(templates, /\sstyle\s*=/i), []);
  assert.deepEqual(lines(templates, /<style/i), []);
  assert.deepEqual(lines(templates, /<[^>]+\son[a-z]+\s*=/i), []);
  assert.deepEqual(lines(templates, /<script(?![^>]*(\ssrc=|type="application\/json"))/i), []);
  assert.deepEqual(lines(templates, /javascript:/i), []);
  assert.deepEqual(lines(scripts, /setAttribute\(['"]style['"]|cssText|\beval\(|new Function\(|insertAdjacentHTML|document\.write/), []);
});

test('nothing is loaded from elsewhere', () => {
  assert.deepEqual(lines(templates, /<(script|link|img|iframe|source|audio|video|use|image)\b[^>]*\s(src|href|srcset)="(https?:)?\/\//i), []);
  assert.deepEqual(lines(sheets, /url\(["']?(https?:)?\/\//i), []);
  assert.deepEqual(lines(scripts, /(import|fetch)\(["'`](https?:)?\/\//), []);
});

test('each icon that a page or a script names is there', () => {
  const there = new Set(list('src/icons', '.svg').map(({ name }) => name.replace(/^.*\/|\.svg$/g, '')));
  const named = [
    ...templates.flatMap(({ name, text }) => [...text.matchAll(/\bicon "([^"]+)"/g)].map(([, icon]) => [name, icon])),
    ...scripts.flatMap(({ name, text }) => [...text.matchAll(/\bicon\('([^']+)'/g)].map(([, icon]) => [name, icon])),
  ];
  assert.ok(named.length > 0);
  assert.deepEqual(named.filter(([, icon]) => !there.has(icon)), []);
});
