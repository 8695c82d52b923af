// The preview: the file's rows as a table. Problems are pinned under their row, with the cell outlined and open for editing.
import { fieldLabel, isOption, letters } from './columns.ts';
import { button, count, h, icon, syncChildren } from './dom.ts';
import type { Model, Show } from './model.ts';
import type { Issue } from './types.ts';

export interface GridActs {
  edited(row: number, column: string, value: string, settled: boolean): void;
  undo(row: number): void;
  leaveOut(rows: number[]): void;
  bringBack(row: number): void;
  open(from: number, to: number): void; // show right rows
}

type Item = { kind: 'row'; row: number } | { kind: 'gap'; from: number; to: number } | { kind: 'more'; left: number; before: boolean };

// A shown column: one of the file's, or several options of it in one.
interface Shown { columns: string[]; label: string }

const step = 150; // rows drawn at once; the rest come when asked for
const smallFile = 60; // rows of a file that is shown whole
const lead = 2; // right rows shown before a gap
const leadAlone = 20; // the same in a file without a problem

export class Grid {
  readonly region: HTMLElement;
  private head = h('thead');
  private body = h('tbody');
  private drawn = new Map<string, { sign: string; nodes: HTMLElement[] }>();
  private start = 0; // of the items that are drawn
  private limit = step;
  private drawnShow: Show = 'all';
  private together = true; // options in one column
  private opened = new Map<number, Set<string>>(); // row -> cells that the person opened for editing
  private look = ''; // what every row's look hangs on: the columns and their names
  private shown: Shown[] = [];
  private at = 0; // the row where F8 was last
  private composing = false; // a letter is being put together in a cell: nothing may be drawn under it

  constructor(private model: Model, private acts: GridActs) {
    this.region = h('div', { class: 'tbl-wrap', tabindex: 0, role: 'region', 'aria-label': 'Preview of the file' },
      h('table', { class: 'tbl pv' }, this.head, this.body));
    this.region.addEventListener('compositionstart', () => { this.composing = true; });
    this.region.addEventListener('compositionend', () => {
      this.composing = false;
      this.draw();
    });
    this.region.addEventListener('focusin', (e) => {
      const row = e.target instanceof Element ? e.target.closest<HTMLElement>('tr[data-row]') : null;
      if (row) this.at = Number(row.dataset.row);
    });
  }

  // reset is for another file, or another way to read it.
  reset(): void {
    this.drawn.clear();
    this.opened.clear();
    this.start = 0;
    this.limit = step;
    this.together = true;
    this.at = 0;
  }

  draw(): void {
    if (this.composing) return;
    const place = this.focused();
    this.layout();
    const nodes: Node[] = [];
    const keys = new Set<string>();
    for (const item of this.drawable()) {
      const k = item.kind === 'row' ? `r${item.row}` : item.kind === 'gap' ? `g${item.from}` : item.before ? 'before' : 'after';
      keys.add(k);
      const sign = this.sign(item);
      let d = this.drawn.get(k);
      if (!d || d.sign !== sign) {
        d = { sign, nodes: this.render(item) };
        this.drawn.set(k, d);
      }
      nodes.push(...d.nodes);
    }
    for (const k of this.drawn.keys()) if (!keys.has(k)) this.drawn.delete(k);
    syncChildren(this.body, nodes);
    this.refocus(place);
  }

  private layout(): void {
    const m = this.model;
    const wide = [...m.errors.values(), ...m.warnings.values()].some((list) => list.some((i) => isOption(m.fieldOf(this.place(i))))) ||
      m.allEdits().some((e) => isOption(m.fieldOf(e.column)));
    const shown: Shown[] = [];
    const options: string[] = [];
    for (let i = 1; i <= m.columns(); i++) {
      const column = letters(i), field = m.fieldOf(column);
      if (field === '') continue;
      if (isOption(field)) {
        if (options.length === 0) shown.push({ columns: options, label: 'Options' });
        options.push(column);
      } else shown.push({ columns: [column], label: fieldLabel(field) });
    }
    this.shown = shown.flatMap((s) => s.columns !== options || (this.together && !wide && options.length > 1) ? [s]
      : options.map((column) => ({ columns: [column], label: fieldLabel(m.fieldOf(column)) })));
    this.look = this.shown.map((s) => s.columns.map((c) => `${c} ${m.headerOf(c)}`).join()).join(';');
    const cells = this.shown.map((s) => {
      const label = s.columns.length === 1 ? s.columns[0]! : `${s.columns[0]} to ${s.columns[s.columns.length - 1]}`;
      const th = h('th', { scope: 'col' }, s.label, ' ', h('small', {}, label));
      if (s.columns.length > 1) th.append(' ', button('link-btn', 'Show each', () => { this.together = false; this.draw(); this.region.focus(); }));
      return th;
    });
    this.head.replaceChildren(h('tr', {}, h('th', { scope: 'col', class: 'rn' }, 'Row'), ...cells));
  }

  // place is the column in which a problem is mended: its own, or for a problem of the whole row the likeliest.
  private place(i: Issue): string {
    if (i.column !== '' || i.code !== 'options_too_few') return i.column;
    const m = this.model;
    for (let n = 1; n <= m.columns(); n++) {
      const column = letters(n), field = m.fieldOf(column);
      if (field === 'options' || isOption(field) && m.cell(i.row, column).trim() === '') return column;
    }
    return '';
  }

  // items are what the table shows: rows with a problem, rows that were touched, some right ones, and gaps for the rest.
  private items(): Item[] {
    const m = this.model;
    const all = [...m.rows.keys()].sort((a, b) => a - b);
    const whole = m.total() + m.leftOut.size <= smallFile;
    const visible: number[] = [];
    const few = m.errors.size + m.warnings.size + m.changed() > 0 ? lead : leadAlone;
    let run = 0;
    for (const row of all) {
      const state = m.state(row);
      const special = state === 'wrong' || m.touched(row);
      if (m.show === 'mend' ? special : m.show === 'warned' ? state === 'odd' || m.touched(row) && m.warnings.has(row)
        : special || state === 'odd' || whole || m.opened.has(row) || run < few) visible.push(row);
      run = special || state === 'odd' ? 0 : run + 1;
    }
    const items: Item[] = [];
    let before = this.model.preview?.headerRow ?? 0;
    for (const row of visible) {
      this.gap(items, before + 1, row - 1, all);
      items.push({ kind: 'row', row });
      before = row;
    }
    this.gap(items, before + 1, this.model.preview?.lastRow ?? 0, all);
    return items;
  }

  private drawable(): Item[] {
    const items = this.items();
    if (this.drawnShow !== this.model.show) {
      this.drawnShow = this.model.show;
      this.start = 0;
      this.limit = step;
    }
    const from = Math.min(this.start, Math.max(0, items.length - 1)), to = from + this.limit;
    const part = items.slice(from, to);
    if (from > 0) part.unshift({ kind: 'more', left: from, before: true });
    if (to < items.length) part.push({ kind: 'more', left: items.length - to, before: false });
    return part;
  }

  private gap(items: Item[], from: number, to: number, all: number[]): void {
    if (this.model.show !== 'all' || to < from) return;
    if (this.model.known(from, to) && !all.some((r) => r >= from && r <= to)) return; // blank rows
    items.push({ kind: 'gap', from, to });
  }

  private more(before: boolean): void {
    if (before) this.start = Math.max(0, this.start - step);
    this.limit += step;
    this.draw();
    this.region.focus({ preventScroll: true });
  }

  private sign(item: Item): string {
    const m = this.model;
    if (item.kind !== 'row') return JSON.stringify([item, this.shown.length]);
    const r = item.row;
    return JSON.stringify([this.look, m.rows.get(r), m.state(r), m.errors.get(r), m.warnings.get(r), m.editsOf(r).map((e) => [e.column, e.was]), [...this.opened.get(r) ?? []]]);
  }

  private render(item: Item): HTMLElement[] {
    const width = this.shown.length;
    if (item.kind === 'gap') {
      const { from, to } = item;
      const many = to > from;
      return [h('tr', { class: 'gap', 'data-row': from }, h('td', { class: 'rn' }), h('td', { colspan: width }, h('span', { class: 'here' },
        many ? `Rows ${from} to ${to} are right. ` : `Row ${from} is right. `,
        button('link-btn', many ? 'Show them' : 'Show it', () => this.acts.open(from, to), { 'aria-label': many ? `Show them: rows ${from} to ${to}` : `Show it: row ${from}` }))))];
    }
    if (item.kind === 'more') {
      return [h('tr', { class: 'gap' }, h('td', { class: 'rn' }), h('td', { colspan: width }, h('span', { class: 'here' }, `${count(item.left, 'line', 'lines')} ${item.before ? 'before' : 'after'} these. `,
        button('link-btn', 'Show more', () => this.more(item.before)))))];
    }
    return this.renderRow(item.row);
  }

  private renderRow(row: number): HTMLElement[] {
    const m = this.model, state = m.state(row);
    const errors = m.errors.get(row) ?? [], warnings = m.warnings.get(row) ?? [];
    const issues = state === 'wrong' ? errors : state === 'odd' ? warnings : [];
    const pins = this.pins(row, state, issues);
    const className = state === 'wrong' ? 'has-bad' : state === 'odd' ? 'has-warn' : state === 'out' ? 'out' : m.touched(row) ? 'mended' : '';
    const tr = h('tr', { class: className, 'data-row': row }, h('th', { scope: 'row', class: 'rn num' }, String(row)),
      ...this.shown.map((s) => this.cell(row, s, state, issues)));
    if (pins.length === 0) return [tr];
    return [tr, h('tr', { class: `msg ${className}`, 'data-row': row }, h('td', { class: 'rn' }), h('td', { colspan: this.shown.length }, ...pins))];
  }

  private cell(row: number, s: Shown, state: string, issues: Issue[]): HTMLElement {
    const m = this.model;
    if (s.columns.length > 1) {
      const texts = s.columns.map((c) => m.cell(row, c)).filter((t) => t.trim() !== '');
      return h('td', {}, h('span', { class: 'clip cellv' }, texts.length === 0 ? '–' : texts[0]! + (texts.length > 1 ? ` +${texts.length - 1}` : '')));
    }
    const column = s.columns[0]!, text = m.cell(row, column);
    const bad = issues.findIndex((i) => this.place(i) === column);
    const edited = m.editOf(row, column) !== undefined;
    const mendable = state !== 'out' && !(m.rows.get(row)?.cut ?? []).includes(column);
    if (mendable && (bad >= 0 && state === 'wrong' || edited || this.opened.get(row)?.has(column))) {
      return h('td', { class: bad >= 0 ? `bad-cell ${state}` : 'bad-cell' }, this.input(row, column, text, bad >= 0 && state === 'wrong', bad >= 0 ? pinID(row, bad) : ''));
    }
    const label = h('span', { class: 'clip cellv' }, text.trim() === '' ? '–' : text);
    if (!mendable || state === 'right' && !m.touched(row)) return h('td', {}, label);
    const open = (): void => {
      this.opened.set(row, (this.opened.get(row) ?? new Set()).add(column));
      this.draw();
      this.find(row, column)?.focus();
    };
    const b = button('cell-btn', '', open);
    b.append(h('span', { class: 'sr' }, `Edit ${this.name(row, column)}: `), label);
    return h('td', { class: bad >= 0 ? `odd-cell ${state}` : '' }, b);
  }

  private name(row: number, column: string): string {
    const header = this.model.headerOf(column);
    return `row ${row}, column ${column}${header === '' ? '' : ` “${header}”`}`;
  }

  private input(row: number, column: string, text: string, invalid: boolean, pin: string): HTMLElement {
    const name = this.name(row, column);
    const long = text.includes('\n') || text.length > 60;
    const attributes = {
      class: long ? 'textarea sm' : 'input sm', value: text, 'aria-label': name[0]!.toUpperCase() + name.slice(1), 'data-cell': column, autocomplete: 'off', spellcheck: 'false',
      'aria-invalid': invalid ? 'true' : null, 'aria-describedby': pin === '' ? null : pin, rows: long ? 3 : null,
    };
    const e = long ? h('textarea', attributes) : h('input', attributes);
    e.addEventListener('input', () => this.acts.edited(row, column, e.value, false));
    e.addEventListener('change', () => this.acts.edited(row, column, e.value, true));
    e.addEventListener('keydown', (event: Event) => {
      const k = event as KeyboardEvent;
      if (k.key === 'Enter' && !k.shiftKey && !k.isComposing) {
        k.preventDefault();
        this.acts.edited(row, column, e.value, true);
      } else if (k.key === 'Escape') {
        e.value = this.model.editOf(row, column)?.was ?? text;
        this.acts.edited(row, column, e.value, true);
      }
    });
    return e;
  }

  private pins(row: number, state: string, issues: Issue[]): HTMLElement[] {
    const m = this.model;
    if (state === 'out') {
      return [h('div', { class: 'pin out' }, icon('minus', 'i s'), h('span', {}, h('b', {}, `Row ${row} is left out.`), ' It will not be imported. ',
        button('link-btn', 'Bring it back', () => this.acts.bringBack(row), { 'aria-label': `Bring it back: row ${row}` })))];
    }
    const edits = m.editsOf(row);
    const undo = edits.length > 0 && button('link-btn', 'Undo', () => this.acts.undo(row), { 'aria-label': `Undo the change in row ${row}` });
    const out = button('link-btn', `Leave out row ${row}`, () => this.acts.leaveOut([row]));
    const pins = issues.map((i, n) => this.pin(row, i, n, state));
    if (pins.length > 0) {
      pins[pins.length - 1]!.lastElementChild!.append(' ', h('span', { class: 'pin-acts' }, out, undo));
      return pins;
    }
    if (edits.length === 0) return [];
    const changes = edits.map((e) => `column ${e.column} was ${e.was.trim() === '' ? 'empty' : `“${short(e.was)}”`}`).join(', ');
    return [h('div', { class: 'pin ok' }, icon('check', 'i s'), h('span', {}, h('b', {}, `Row ${row} is right now.`), ` ${changes[0]!.toUpperCase()}${changes.slice(1)}. `, undo))];
  }

  private pin(row: number, i: Issue, n: number, state: string): HTMLElement {
    const place = this.place(i);
    const text = h('span', {}, h('span', { id: pinID(row, n) }, h('b', {}, where(i, this.model.headerOf(i.column))), ' ', said(i)));
    if (i.fix && i.column !== '') {
      const { value } = i.fix;
      const label = value === '' ? 'Empty the cell' : value.length > 40 || value.includes('\n') ? 'Delete it' : `Use ${value}`;
      text.append(' ', button('link-btn', label, () => this.acts.edited(row, i.column, value, true), { 'aria-label': `${label} in row ${row}, column ${i.column}` }));
    }
    if ((this.model.rows.get(row)?.cut ?? []).includes(place)) text.append(' This cell is too long to be mended here: shorten it in your file, or leave the row out.');
    return h('div', { class: `pin ${state === 'odd' ? 'warn' : ''}` }, icon('alert', 'i s'), text);
  }

  // problem goes to the next row to be mended, or the one before; false when there is none.
  problem(direction: 1 | -1): boolean {
    const m = this.model;
    const wrong = [...m.errors.keys()].filter((r) => m.state(r) === 'wrong').sort((a, b) => a - b);
    if (wrong.length === 0) return false;
    const next = direction > 0 ? wrong.find((r) => r > this.at) ?? wrong[0]! : wrong.findLast((r) => r < this.at) ?? wrong[wrong.length - 1]!;
    this.goTo(next);
    return true;
  }

  goTo(row: number): void {
    if (this.model.show === 'warned') this.model.show = 'all';
    if (!this.body.querySelector(`tr[data-row="${row}"]`)) { // a jump far away draws what is there, and not all between
      this.start = Math.max(0, this.items().findIndex((i) => i.kind === 'row' && i.row === row) - step / 10);
      this.limit = step;
      this.draw();
    }
    this.at = row;
    const e = this.body.querySelector<HTMLElement>(`tr[data-row="${row}"] [aria-invalid], tr[data-row="${row}"] [data-cell]`) ??
      this.body.querySelector<HTMLElement>(`tr.msg[data-row="${row}"] button`);
    e?.focus();
    if (e instanceof HTMLInputElement) e.select();
    this.body.querySelector(`tr[data-row="${row}"]`)?.scrollIntoView({ block: 'nearest' });
  }

  private find(row: number, column: string): HTMLElement | null {
    return this.body.querySelector<HTMLElement>(`tr[data-row="${row}"] [data-cell="${column}"]`);
  }

  // focused remembers where the focus is in the table, so that a redrawn row gets it back.
  private focused(): { row: number; column: string; start: number | null; end: number | null } | null {
    const e = document.activeElement;
    const row = e instanceof HTMLElement && this.body.contains(e) ? e.closest<HTMLElement>('tr[data-row]') : null;
    if (!row) return null;
    const field = e instanceof HTMLInputElement || e instanceof HTMLTextAreaElement ? e : null;
    return { row: Number(row.dataset.row), column: field?.dataset.cell ?? '', start: field?.selectionStart ?? null, end: field?.selectionEnd ?? null };
  }

  private refocus(place: ReturnType<Grid['focused']>): void {
    if (!place || document.activeElement && document.activeElement !== document.body) return;
    const cell = place.column === '' ? null : this.find(place.row, place.column);
    if (cell instanceof HTMLInputElement || cell instanceof HTMLTextAreaElement) {
      cell.focus();
      cell.setSelectionRange(place.start, place.end);
      return;
    }
    (this.body.querySelector<HTMLElement>(`tr[data-row="${place.row}"] button, tr[data-row="${place.row}"] [data-cell]`) ?? this.region).focus();
  }
}

const pinID = (row: number, n: number): string => `pin-${row}-${n}`;

const short = (s: string): string => s.length > 40 ? s.slice(0, 40) + '…' : s;

// where and said take an issue's sentence apart: the place is said with the column's name, as the spreadsheet has it.
function where(i: Issue, header: string): string {
  if (i.column === '') return `Row ${i.row}.`;
  return `Row ${i.row}, column ${i.column}${header === '' ? '' : ` “${header}”`}.`;
}

export function said(i: Issue): string {
  const text = i.message.replace(/^Row \d+(, column [A-Z]+)?: /, '');
  return text === '' ? '' : text[0]!.toUpperCase() + text.slice(1);
}
