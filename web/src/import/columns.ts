// Columns as a spreadsheet names them, and the fields that they can go to.

export function letters(n: number): string { // 1 is A, 27 is AA
  let out = '';
  for (; n > 0; n = Math.floor((n - 1) / 26)) out = String.fromCharCode(65 + ((n - 1) % 26)) + out;
  return out;
}

export function columnIndex(name: string): number { // A is 0
  let n = 0;
  for (const c of name) n = n * 26 + c.charCodeAt(0) - 64;
  return n - 1;
}

const small = 'abcdefghijklmnopqrst';

export const fieldGroups: [string, [string, string][]][] = [
  ['The question', [
    ['prompt', 'Question'], ['type', 'Type'], ['answer', 'Correct'], ['points', 'Points'], ['tags', 'Tags'], ['difficulty', 'Difficulty'],
    ['explanation', 'Explanation'], ['tolerance', 'Tolerance'], ['case_sensitive', 'Case-sensitive'], ['credit_rule', 'Credit rule'],
  ]],
  ['Its options', [['options', 'All options in one cell'], ...[...small].map((c): [string, string] => [c, `Option ${c.toUpperCase()}`])]],
  ['Points of single options', [...small].map((c): [string, string] => [`points_${c}`, `Points of ${c.toUpperCase()}`])],
];

const labels = new Map(fieldGroups.flatMap(([, fields]) => fields));

export const fieldLabel = (field: string): string => labels.get(field) ?? '';

export const isOption = (field: string | undefined): boolean => field !== undefined && field.length === 1;

// Fields that several columns may go to.
export const repeats = (field: string): boolean => field === 'answer' || field === 'tags' || field === 'ignore';

// A title for a draft that is made for a file: "go-postgres_bank.xlsx" is "Go postgres bank".
export function titleOf(name: string): string {
  const words = name.replace(/\.[^.]{1,5}$/, '').replace(/[-_\s]+/g, ' ').trim().slice(0, 190);
  return words === '' ? 'Imported questions' : words[0]!.toUpperCase() + words.slice(1);
}
