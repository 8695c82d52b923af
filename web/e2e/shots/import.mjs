// From a file to questions.
import { at } from '../shots-lib.mjs';

const rows = Array.from({ length: 24 }, (_, i) => `Which statement about lane ${i} holds?,single,One,Two,Three,Four,${i === 7 ? 'E' : 'A'},${i === 11 ? 'two' : 2}`);
const file = { name: 'go-postgres-bank.csv', mimeType: 'text/csv', buffer: Buffer.from(`question,type,a,b,c,d,answer,points\n${rows.join('\n')}\n`) };
const check = async (page) => {
  await page.locator('#import-file').setInputFiles(file);
  await page.locator('.pv').waitFor();
};
const unreadable = async (page) => {
  await page.locator('#import-file').setInputFiles({ name: 'bank-final.xls', mimeType: '', buffer: Buffer.from('d0cf11e0a1b11ae1', 'hex') });
  await page.getByRole('alert').waitFor();
};

const good = { ...file, buffer: Buffer.from(file.buffer.toString().replace(',E,', ',A,').replace(',two', ',2')) };
const done = async (page) => {
  await page.locator('#import-file').setInputFiles(good);
  await page.locator('#import-go:not([disabled])').click();
  await page.getByRole('heading', { name: '24 questions are in the draft' }).waitFor();
};

export default [
  { name: 'import-new', path: '/app/import', fresh: true },
  { name: 'import-done', path: async ({ ask }) => `/app/assessments/${(await ask('POST', '/assessments', { title: 'Go & Postgres' })).id}/import`, fresh: true, act: done },
  { name: 'import', path: at('active', '/import') },
  { name: 'import-check', path: at('active', '/import'), act: check, ends: true },
  { name: 'import-unreadable', path: at('active', '/import'), act: unreadable },
];
