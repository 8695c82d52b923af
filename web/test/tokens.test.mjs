// The pairs of colours that stand on each other, in both themes, against WCAG 2.2 AA: 4.5 for text, 3 for the edge of a
// control and for a graphic that says something.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { read } from './files.mjs';

const css = read('src/css/tokens.css').replace(/\/\*[\s\S]*?\*\//g, '');
const tokens = (block) => Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{3,6})\b/gi)].map(([, name, value]) => [name, value]));
const light = tokens(/^:root \{([^}]*)\}/m.exec(css)[1]);
const dark = { ...light, ...tokens(/@dark \{([^}]*)\}/.exec(css)[1]) };

const grounds = ['canvas', 'surface', 'sunken', 'raised', 'hover'];
const pairs = [
  ...grounds.flatMap((ground) => [['ink', ground, 13.8], ['ink-2', ground, 7], ['ink-3', ground, 4.5], ['accent-ink', ground, 4.5]]),
  ...['ok', 'warn', 'bad'].flatMap((tone) => [[tone, `${tone}-tint`, 4.5], [tone, 'surface', 4.5], [tone, 'raised', 4.5], ['ink-2', `${tone}-tint`, 4.5],
    [`${tone}-solid`, 'surface', 3]]),
  ['accent-ink', 'accent-tint', 4.5], ['ink', 'accent-tint', 7], ['ink-3', 'accent-tint', 4.5],
  ['on-accent', 'accent', 4.5], ['on-accent', 'accent-hover', 4.5], ['on-accent', 'accent-press', 4.5],
  ['on-bad', 'bad-solid', 4.5], ['on-bad', 'bad-hover', 4.5], ['surface', 'ink', 7], ['ink-2', 'pressed', 4.5], ['ink', 'pressed', 7],
  ['line-control', 'surface', 3], ['line-control', 'sunken', 3], ['accent', 'surface', 3], ['ring', 'surface', 3], ['ring', 'canvas', 3], ['ring', 'raised', 3],
  ['data-1', 'surface', 3], ['data-2', 'surface', 3], ['data-3', 'surface', 3], ['data-4', 'surface', 3], ['data-axis', 'surface', 4.5],
];

function luminance(hex) {
  const full = hex.length === 4 ? [...hex.slice(1)].map((c) => c + c).join('') : hex.slice(1);
  const [r, g, b] = [0, 2, 4].map((i) => parseInt(full.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

for (const [theme, values] of Object.entries({ light, dark })) {
  test(`colours that stand on each other differ enough, ${theme}`, () => {
    const weak = pairs.map(([a, b, least]) => ({ a, b, least, is: contrast(values[a] ?? '', values[b] ?? '') })).filter((p) => !(p.is >= p.least))
      .map((p) => `${p.a} on ${p.b} is ${p.is.toFixed(2)}, wants ${p.least}`);
    assert.deepEqual(weak, []);
  });
}

test('the dark theme has a value of its own for each colour', () => {
  const own = tokens(/@dark \{([^}]*)\}/.exec(css)[1]);
  assert.deepEqual(Object.keys(light).filter((name) => !(name in own)), []);
});
