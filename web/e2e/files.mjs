// What the pages give as files, read back: CSV and XLSX as lists of rows, each an object by the names of the first line.
import assert from 'node:assert/strict';
import { inflateRawSync } from 'node:zlib';

// download presses what leads to a file and gives the file's bytes.
export async function download(page, link) {
  const waiting = page.waitForEvent('download');
  await link.click();
  const chunks = [];
  for await (const chunk of await (await waiting).createReadStream()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const named = ([head, ...rows]) => rows.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i] ?? ''])));

// csv reads quoted and plain fields; a quoted one may hold line ends and doubled quotes.
export function csv(bytes) {
  const text = bytes.toString('utf8').replace(/^\ufeff/, '');
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ',') rows.push([]);
  }
  return named(rows.filter((row) => row.length > 1));
}

// xlsx reads the first sheet of a workbook whose strings stand in the cells or in its table of strings.
export function xlsx(bytes) {
  const parts = unzip(bytes);
  const shared = [...(parts.get('xl/sharedStrings.xml') ?? '').matchAll(/<si>(.*?)<\/si>/gs)].map(([, inner]) => texts(inner));
  const rows = [...parts.get('xl/worksheets/sheet1.xml').matchAll(/<row [^>]*>(.*?)<\/row>/gs)].map(([, inner]) => {
    const cells = [];
    for (const [, column, attributes, content = ''] of inner.matchAll(/<c r="([A-Z]+)\d+"([^>]*?)(?:\/>|>(.*?)<\/c>)/gs)) {
      const value = /<v>(.*?)<\/v>/s.exec(content)?.[1] ?? '';
      cells[place(column)] = / t="s"/.test(attributes) ? shared[Number(value)] : / t="inlineStr"/.test(attributes) ? texts(content) : plain(value);
    }
    return Array.from(cells, (cell) => cell ?? '');
  });
  return named(rows);
}

const place = (column) => [...column].reduce((n, letter) => 26 * n + letter.charCodeAt(0) - 64, 0) - 1;
const texts = (xml) => [...xml.matchAll(/<t(?: [^>]*)?>(.*?)<\/t>/gs)].map(([, text]) => plain(text)).join('');
const plain = (text) => text.replace(/&#(\d+);/g, (_, n) => String.fromCodePoint(n)).replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');

// unzip reads by the directory at the end: the sizes in front of each part may be missing.
function unzip(bytes) {
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  assert.ok(end >= 0, 'a ZIP file ends with its directory');
  const parts = new Map();
  let at = bytes.readUInt32LE(end + 16);
  for (let n = bytes.readUInt16LE(end + 10); n > 0; n--) {
    const [method, size, nameSize, extra, comment, from] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20), bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30), bytes.readUInt16LE(at + 32), bytes.readUInt32LE(at + 42)];
    const name = bytes.toString('utf8', at + 46, at + 46 + nameSize);
    const start = from + 30 + bytes.readUInt16LE(from + 26) + bytes.readUInt16LE(from + 28);
    const body = bytes.subarray(start, start + size);
    parts.set(name, (method === 8 ? inflateRawSync(body) : body).toString('utf8'));
    at += 46 + nameSize + extra + comment;
  }
  return parts;
}
