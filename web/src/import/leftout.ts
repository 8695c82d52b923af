// The rows that were left out, as a file that can be mended and dropped in again, with the reason beside each.
import { said } from './grid.ts';
import type { Model } from './model.ts';

export function leftOutFile(m: Model): Blob {
  const width = m.columns();
  const lines: string[][] = [];
  const header = m.preview?.headerCells ?? [];
  if (header.length > 0) lines.push([...header, ...Array<string>(Math.max(0, width - header.length)).fill(''), 'row in the file', 'reason']);
  for (const row of [...m.leftOut.keys()].sort((a, b) => a - b)) {
    const cells = m.rows.get(row)?.cells ?? [];
    const reasons = (m.leftOut.get(row) ?? []).map(said).join(' ');
    lines.push([...cells, ...Array<string>(Math.max(0, width - cells.length)).fill(''), String(row), reasons]);
  }
  return new Blob(['\ufeff' + lines.map((l) => l.map(cell).join(',')).join('\r\n') + '\r\n'], { type: 'text/csv;charset=utf-8' });
}

// What a spreadsheet program would take for a formula gets an apostrophe before it, as in the server's own exports.
function cell(text: string): string {
  const plain = /^[+-]?\d+([.,]\d+)?$/.test(text);
  const safe = !plain && /^(?:[\t\r\n]|[\s\p{C}\u3164\u115f]*[=+\-@＝＋－＠﹦﹢﹣﹫−])/u.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  URL.revokeObjectURL(url);
}
