// The columns of the file and where each goes, as the spreadsheet names them; and how the file is read.
import { fieldGroups, fieldLabel, letters } from './columns.ts';
import { button, h, icon } from './dom.ts';
import type { Model } from './model.ts';
import type { Options } from './types.ts';

export interface PanelActs {
  map(column: string, field: string): void;
  asFound(): void;
  read(options: Options, rows: 'kept' | 'changed'): void; // changed: row numbers and cells will be others
}

// columnsCard is the table of columns with a choice each.
export function columnsCard(m: Model, acts: PanelActs): HTMLElement {
  const rows: HTMLElement[] = [];
  let matched = 0, skipped = 0;
  for (let i = 1; i <= m.columns(); i++) {
    const column = letters(i);
    if (m.fieldOf(column) === '') skipped++;
    else matched++;
    rows.push(columnRow(m, column, acts));
  }
  const own = m.options.mapping !== undefined;
  return h('section', { class: 'card', 'aria-labelledby': 'mph' },
    h('header', {}, h('h2', { id: 'mph' }, 'Columns'), h('span', { class: 'meta' }, `${matched} matched${own ? '' : m.facts?.header ? ' by name' : ' by place'}, ${skipped} skipped`)),
    h('table', { class: 'tbl map' },
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'In your file'), h('th', {}, h('span', { class: 'sr' }, 'goes to')), h('th', { scope: 'col' }, 'In CredLane'))),
      h('tbody', {}, ...rows)),
    own && h('div', { class: 'tfoot' }, button('link-btn', 'Use the columns as found', () => acts.asFound())));
}

function columnRow(m: Model, column: string, acts: PanelActs): HTMLElement {
  const name = m.headerOf(column);
  let sample = '';
  for (const row of m.rows.keys()) {
    sample = m.cell(row, column).trim();
    if (sample !== '') break;
  }
  const current = m.fieldOf(column);
  const select = h('select', {
    class: 'select sm', id: `map-${column}`, 'aria-label': `Column ${column}${name === '' ? '' : `, ${name}`}, goes to`,
    change: (e: Event) => acts.map(column, (e.target as HTMLSelectElement).value),
  }, h('option', { value: 'ignore', selected: current === '' }, 'Skip this'));
  for (const [group, fields] of fieldGroups) {
    select.append(h('optgroup', { label: group }, ...fields.map(([value, label]) => h('option', { value, selected: value === current }, label))));
  }
  return h('tr', {},
    h('td', {}, h('div', { class: 'row' }, h('span', { class: 'colk' }, column),
      h('span', { class: 'grow' }, h('span', { class: 'strong clip blk' }, name === '' ? 'No name' : name), h('small', { class: 'clip sample' }, sample === '' ? 'Empty' : sample.slice(0, 120))))),
    h('td', { class: 'fix arrow' }, icon('right', 'i s')),
    h('td', {}, select));
}

const delimiters: [string, string][] = [['comma', 'Comma'], ['semicolon', 'Semicolon'], ['tab', 'Tab']];
const encodings: [string, string][] = [['utf-8', 'UTF-8'], ['windows-1252', 'Windows-1252'], ['utf-16le', 'UTF-16 LE'], ['utf-16be', 'UTF-16 BE']];
export const bases: [string, string][] = [
  ['letter', 'Letters: A is the first option'], ['1', 'Numbers: 1 is the first option'], ['0', 'Numbers: 0 is the first option'], ['text', 'The text of the option'],
];

// readingCard is how the file is read, and what can be said otherwise.
export function readingCard(m: Model, acts: PanelActs, open: boolean): HTMLElement | null {
  const f = m.facts;
  if (!f) return null;
  const o = m.options;
  const fields: HTMLElement[] = [];
  if (f.sheets.length > 1) fields.push(choice('Sheet', f.sheets.map((s) => [s, s]), f.sheet, (sheet) => acts.read({ ...o, sheet, mapping: undefined }, 'changed')));
  fields.push(choice('First row', [['true', 'Names of the columns'], ['false', 'A question']], String(f.header), (v) => acts.read({ ...o, header: v as 'true' | 'false' }, 'kept')));
  if (f.format === 'csv') {
    fields.push(
      choice('Cells are parted by', delimiters, { ',': 'comma', ';': 'semicolon', '\t': 'tab' }[f.delimiter] ?? '', (delimiter) => acts.read({ ...o, delimiter, mapping: undefined }, 'changed')),
      choice('Encoding', encodings, f.encoding, (encoding) => acts.read({ ...o, encoding }, 'changed')));
  }
  if (m.report && m.report.answerBase !== '') fields.push(choice('Answers are', bases, m.report.answerBase, (answerBase) => acts.read({ ...o, answerBase }, 'kept')));
  return h('details', { class: 'reading', id: 'import-reading', open }, h('summary', {}, 'How the file is read', h('span', { class: 'meta' }, summary(m))),
    h('div', { class: 'reading-fields' }, ...fields));
}

function choice(label: string, options: [string, string][], current: string, change: (value: string) => void): HTMLElement {
  const id = `read-${label.toLowerCase().replace(/\W+/g, '-')}`;
  const select = h('select', { class: 'select sm', id, change: (e: Event) => change((e.target as HTMLSelectElement).value) },
    ...(options.some(([v]) => v === current) ? options : [[current, current] as [string, string], ...options]).map(([value, text]) => h('option', { value, selected: value === current }, text)));
  return h('div', { class: 'field' }, h('label', { class: 'label', for: id }, label), select);
}

function summary(m: Model): string {
  const f = m.facts!;
  const parts: string[] = [];
  if (f.format === 'xlsx') parts.push(`Sheet “${f.sheet}”`);
  else parts.push(encodings.find(([v]) => v === f.encoding)?.[1] ?? f.encoding, { ',': 'commas', ';': 'semicolons', '\t': 'tabs' }[f.delimiter] ?? f.delimiter);
  parts.push(f.header ? 'first row holds the names' : 'no row of names');
  const base = bases.find(([v]) => v === m.report?.answerBase)?.[1];
  if (base) parts.push(`answers: ${base[0]!.toLowerCase()}${base.slice(1)}`);
  return parts.join(', ');
}

export const mappedWord = (m: Model): string => {
  let matched = 0;
  const all = m.columns();
  for (let i = 1; i <= all; i++) if (fieldLabel(m.fieldOf(letters(i))) !== '') matched++;
  return `${matched} of ${all} matched`;
};
