// The state of one import: the file, how it is read, what was changed and left out, and what the server thinks of it. It lives
// in this page alone; the server keeps nothing of it until Import is pressed.
import { columnIndex, repeats } from './columns.ts';
import { previewRows } from './types.ts';
import type { Edit, FileFacts, Issue, Options, Preview, PreviewRow, Report } from './types.ts';

export type Show = 'all' | 'mend' | 'warned';

export class Model {
  name = '';
  size = 0;
  file: Blob | null = null;
  options: Options = {};
  facts: FileFacts | null = null;
  report: Report | null = null;
  preview: Preview | null = null; // the latest; its rows are in rows
  rows = new Map<number, PreviewRow>();
  errors = new Map<number, Issue[]>();
  warnings = new Map<number, Issue[]>();
  leftOut = new Map<number, Issue[]>(); // row -> why it was left out
  private edits = new Map<number, Map<string, Edit>>(); // row -> column -> edit
  opened = new Set<number>(); // rows without a problem that the person asked to see
  covered: [number, number][] = []; // from, to: all of whose right rows are in rows
  show: Show = 'all';
  stale = false; // something was changed that no report knows of

  take(name: string, file: Blob): void {
    this.name = name;
    this.size = file.size;
    this.file = file;
    this.reread({});
  }

  // reread forgets what hangs on the row numbers and cells of another way to read the file.
  reread(options: Options): void {
    this.options = options;
    this.facts = null;
    this.report = null;
    this.preview = null;
    this.edits.clear();
    this.leftOut.clear();
    this.forgetRows();
  }

  forgetRows(): void {
    this.rows.clear();
    this.errors.clear();
    this.warnings.clear();
    this.opened.clear();
    this.covered = [];
  }

  changed(): number { return this.allEdits().length + this.leftOut.size; }

  total(): number { return this.report ? this.report.accepted + this.report.rejected : 0; }

  // accept takes in a report. from is where its rows without a problem start.
  accept(report: Report, from: number): void {
    this.report = report;
    this.facts = report.file;
    this.stale = false;
    this.errors = byRow(report.errors);
    this.warnings = byRow(report.warnings);
    if (report.preview) this.see(report.preview, from);
  }

  see(preview: Preview, from: number): void {
    this.preview = preview;
    for (const row of preview.rows) this.rows.set(row.row, row);
    const right = preview.rows.filter((r) => r.state === 'right' && r.row >= from);
    const last = right.length < previewRows ? preview.lastRow : right[right.length - 1]!.row;
    this.covered.push([from, last]);
  }

  // known says whether every right row from a to b is in rows, so that a gap between them is one of blank rows.
  known(a: number, b: number): boolean { return this.covered.some(([from, to]) => from <= a && b <= to); }

  state(row: number): 'wrong' | 'odd' | 'right' | 'out' {
    if (this.leftOut.has(row)) return 'out';
    if (this.errors.has(row)) return 'wrong';
    return this.warnings.has(row) ? 'odd' : 'right';
  }

  errorRows(): number {
    let n = 0;
    for (const row of this.errors.keys()) if (!this.leftOut.has(row)) n++;
    return n;
  }

  touched(row: number): boolean { return this.leftOut.has(row) || this.edits.has(row); }

  allEdits(): Edit[] { return [...this.edits.values()].flatMap((list) => [...list.values()]); }

  editsOf(row: number): Edit[] { return [...this.edits.get(row)?.values() ?? []]; }

  editOf(row: number, column: string): Edit | undefined { return this.edits.get(row)?.get(column); }

  cell(row: number, column: string): string {
    return this.editOf(row, column)?.value ?? this.rows.get(row)?.cells[columnIndex(column)] ?? '';
  }

  edit(row: number, column: string, value: string): boolean {
    const old = this.editOf(row, column);
    const was = old?.was ?? this.rows.get(row)?.cells[columnIndex(column)] ?? '';
    if (value === (old?.value ?? was)) return false;
    const list = this.edits.get(row) ?? new Map<string, Edit>();
    if (value === was) list.delete(column);
    else list.set(column, { row, column, value, was });
    if (list.size === 0) this.edits.delete(row);
    else this.edits.set(row, list);
    this.put(row, column, value);
    this.stale = true;
    return true;
  }

  undoEdits(row: number): void {
    for (const e of this.editsOf(row)) this.put(row, e.column, e.was);
    this.edits.delete(row);
    this.stale = true;
  }

  private put(row: number, column: string, value: string): void {
    const r = this.rows.get(row);
    if (!r) return;
    const at = columnIndex(column);
    while (r.cells.length <= at) r.cells.push('');
    r.cells[at] = value;
  }

  leaveOut(rows: number[]): void {
    for (const row of rows) this.leftOut.set(row, this.errors.get(row) ?? this.warnings.get(row) ?? []);
    this.stale = true;
  }

  bringBack(rows: number[]): void {
    for (const row of rows) this.leftOut.delete(row);
    this.stale = true;
  }

  // columns are those that the file has, as far as it has been seen.
  columns(): number {
    let n = this.preview?.headerCells.length ?? 0;
    for (const row of this.rows.values()) n = Math.max(n, row.cells.length);
    for (const name of Object.keys(this.mapping())) n = Math.max(n, columnIndex(name) + 1);
    return n;
  }

  mapping(): Record<string, string> { return this.report?.mapping ?? this.asked; }

  asked: Record<string, string> = {}; // the mapping so far, while the import asks for one

  // map sends a column to a field; a column that had it gives way. It answers with the column that did.
  map(column: string, field: string): string {
    const mapping = { ...this.mapping(), ...this.options.mapping };
    let gaveWay = '';
    if (!repeats(field)) {
      for (const [other, f] of Object.entries(mapping)) {
        if (f === field && other !== column) {
          mapping[other] = 'ignore';
          gaveWay = other;
        }
      }
    }
    mapping[column] = field;
    this.options = { ...this.options, mapping };
    this.stale = true;
    return gaveWay;
  }

  // fieldOf is where a column goes: "" where it is left aside.
  fieldOf(column: string): string {
    const field = this.options.mapping?.[column] ?? this.mapping()[column] ?? '';
    return field === 'ignore' ? '' : field;
  }

  headerOf(column: string): string { return (this.preview?.headerCells[columnIndex(column)] ?? '').trim(); }

  // form is what a request sends: every option before the file.
  form(dryRun: boolean, from: number): FormData {
    const form = new FormData();
    const o = this.options;
    form.set('dryRun', String(dryRun));
    for (const name of ['sheet', 'delimiter', 'encoding', 'header', 'answerBase'] as const) {
      const value = o[name];
      if (value !== undefined) form.set(name, value);
    }
    if (o.mapping) form.set('mapping', JSON.stringify(o.mapping));
    if (this.leftOut.size > 0) form.set('skipRows', ranges([...this.leftOut.keys()]));
    const edits = this.allEdits().filter((e) => !this.leftOut.has(e.row));
    if (edits.length > 0) form.set('edits', JSON.stringify(edits.map(({ row, column, value }) => ({ row, column, value }))));
    if (dryRun) {
      form.set('preview', String(previewRows));
      form.set('previewFrom', String(from));
    }
    if (this.file) form.set('file', this.file, this.name);
    return form;
  }
}

function byRow(issues: Issue[]): Map<number, Issue[]> {
  const out = new Map<number, Issue[]>();
  for (const i of issues) {
    const list = out.get(i.row);
    if (list) list.push(i);
    else out.set(i.row, [i]);
  }
  return out;
}

// ranges writes 3, 7, 8, 9 as "3, 7-9": thousands of rows must fit into one field.
export function ranges(rows: number[]): string {
  const sorted = [...rows].sort((a, b) => a - b);
  const out: string[] = [];
  for (let i = 0; i < sorted.length;) {
    let j = i;
    while (j + 1 < sorted.length && sorted[j + 1] === sorted[j]! + 1) j++;
    out.push(i === j ? String(sorted[i]) : `${sorted[i]}-${sorted[j]}`);
    i = j + 1;
  }
  return out.join(', ');
}
