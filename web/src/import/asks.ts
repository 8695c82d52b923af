// What the import must ask before it can go on: which sheet, how the answers are meant. It never guesses.
import { bases } from './panel.ts';
import { button, h } from './dom.ts';
import type { Reading } from './types.ts';

export function sheetAsk(sheets: string[], choose: (sheet: string) => void): HTMLElement {
  return asked('Which sheet holds the questions?', 'More than one sheet of the workbook holds something. The others can be imported after it.',
    ...sheets.map((s) => button('choice-btn', s, () => choose(s))));
}

export function baseAsk(readings: Reading[], choose: (base: string) => void): HTMLElement {
  const cards = readings.map((r, i) => {
    const label = bases.find(([v]) => v === r.answerBase)?.[1] ?? r.answerBase;
    return h('section', { class: 'card', 'aria-labelledby': `base-${i}` }, h('header', {}, h('h3', { id: `base-${i}` }, label)),
      h('table', { class: 'tbl base' }, h('thead', {}, h('tr', {}, ...['Row', 'Question', 'In the file', 'Right would be'].map((t) => h('th', { scope: 'col' }, t)))),
        h('tbody', {}, ...r.rows.map((row) => h('tr', {}, h('th', { scope: 'row', class: 'num' }, String(row.row)), h('td', {}, row.prompt), h('td', {}, row.cell),
          h('td', {}, row.means.length === 0 ? h('span', { class: 't-bad' }, 'No option') : h('span', { class: 'strong' }, row.means.join('; '))))))),
      h('footer', {}, button('btn', `Read them like this`, () => choose(r.answerBase), { 'aria-label': `Read them like this: ${label}` })));
  });
  return asked('How are the answers meant?', 'Two readings of the answer column fit, and they give other right answers. Look at the first rows and choose.',
    h('div', { class: 'readings' }, ...cards));
}

function asked(title: string, text: string, ...answers: HTMLElement[]): HTMLElement {
  return h('section', { class: 'card ask', 'aria-labelledby': 'ask-h' },
    h('header', {}, h('h2', { id: 'ask-h', tabindex: -1 }, title)), h('div', { class: 'body' }, h('p', { class: 'muted' }, text), ...answers));
}
