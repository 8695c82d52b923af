// Helpers for the checks over the sources.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const web = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

// list gives every file below a folder of web with one of the endings, its text read.
export function list(folder, ...endings) {
  return readdirSync(path.join(web, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort()
    .map((file) => ({ name: path.relative(web, file), text: readFileSync(file, 'utf8') }));
}

export const read = (file) => readFileSync(path.join(web, file), 'utf8');

// lines gives "file:line: text" for each match of a pattern, comments of CSS left out.
export function lines(files, pattern) {
  return files.flatMap(({ name, text }) => text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
    .split('\n')
    .flatMap((line, i) => (pattern.test(line) ? [`${name}:${i + 1}: ${line.trim()}`] : [])));
}
