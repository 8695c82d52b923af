// The import page: real files, mended in the page, and everything that can go wrong on the way to a question.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { axe, browser, focused, login, noSideways, root, server, shifts, signUp } from './lib.mjs';

const corpus = process.env.CREDLANE_CORPUS ?? path.resolve(root, '../shared/data');
const corpusIsThere = existsSync(corpus);
const real = (name) => path.join(corpus, name);
const refused = [/422 \(Unprocessable Entity\)/, /412 \(Precondition Failed\)/];

// told says where the page stands: "214 right, 3 to mend".
const told = async (page) => (await page.locator('#sumh').textContent()).trim();
const stands = (page, text) => page.locator('#sumh').filter({ hasText: text }).waitFor();
const file = (name, text) => ({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });

// tabTo goes on by Tab to the control of that name; what lies between is the same row's.
async function tabTo(page, name) {
  const passed = [];
  for (let i = 0; i < 20; i++) {
    await page.keyboard.press('Tab');
    const at = await focused(page);
    assert.ok(at.seen, `the focus on ${JSON.stringify(at)} is seen`);
    if (at.name === name) return;
    passed.push(at.name);
  }
  assert.fail(`${name} is not among ${passed.join('; ')}`);
}

// stage is a server with an owner, who is signed in in a browser, and an empty draft that is open for an import.
async function stage(t, options = {}) {
  const s = await server(t);
  const ask = await signUp(s);
  const { open } = await browser(t, { url: s.url, allow: refused });
  const page = await open(options);
  await login(page);
  const draft = async () => {
    const { id } = await ask('POST', '/assessments', { title: 'Backend Engineer' });
    return { id, count: async () => (await ask('GET', `/assessments/${id}`)).questionCount };
  };
  const fresh = async () => {
    const d = await draft();
    await page.goto(`/app/assessments/${d.id}/import`);
    return d;
  };
  return { s, ask, open, page, draft, fresh };
}

const bank = (rows) => 'question,kind,a,b,c,d,answer,pts\n' + rows.join('\n') + '\n';
const good = (n) => `Which of these is number ${n}?,single,one,two,three,four,A,2`;
const threeBad = bank([...Array.from({ length: 46 }, (_, i) => good(i)), 'Which level stops this lost update?,single,Read committed,Repeatable read,Serializable,Snapshot,E,3',
  ...Array.from({ length: 83 }, (_, i) => good(100 + i)), 'A unique index accepts several NULLs,true_false,,,,,Treu,1', ...Array.from({ length: 44 }, (_, i) => good(200 + i)),
  'Pick the retry policy,single,With backoff,Never,Always,Twice,A,three', ...Array.from({ length: 40 }, (_, i) => good(300 + i))]);

test('rows are mended, fixed and left out in the page, by keyboard alone, and the rest is imported', async (t) => {
  const { page, ask, fresh } = await stage(t);
  const moved = await shifts(page);
  const draft = await fresh();
  await axe(page, 'drop');
  await page.locator('#import-file').setInputFiles(file('go-postgres-bank.csv', threeBad));
  await stands(page, '213 right, 3 to mend');
  assert.ok(await moved() <= 0.02, 'the layout stays');
  assert.equal(await page.locator('#import-go').isDisabled(), true);
  assert.equal(await draft.count(), 0);
  await axe(page, 'check');

  await page.keyboard.press('F8');
  const at = await focused(page);
  assert.equal(at.name, 'Row 48, column G “answer”');
  assert.ok(at.seen, 'its focus is seen');
  const why = await page.evaluate(() => document.getElementById(document.activeElement.getAttribute('aria-describedby')).textContent);
  assert.match(why, /Row 48, column G “answer”. The answer "E" is not among the options; the column is read as letters. Type A, B, C or D./);
  await page.keyboard.type('c');
  await stands(page, '214 right, 2 to mend');
  assert.equal((await focused(page)).name, 'Row 48, column G “answer”', 'the focus stays while the rows are checked');

  await page.keyboard.press('F8');
  assert.equal((await focused(page)).name, 'Row 132, column G “answer”');
  await tabTo(page, 'Use TRUE in row 132, column G');
  await page.keyboard.press('Enter');
  await stands(page, '215 right, 1 to mend');

  await page.keyboard.press('F8');
  await page.keyboard.press('Shift+F8');
  assert.equal((await focused(page)).name, 'Row 177, column H “pts”', 'the only problem left, forwards and back');
  await tabTo(page, 'Use 3 in row 177, column H');
  await tabTo(page, 'Leave out row 177');
  await page.keyboard.press('Enter');
  await stands(page, '215 right, 0 to mend');
  await page.getByText('Row 177 is left out.').first().waitFor();
  await page.keyboard.press('F8');
  await axe(page, 'mended');

  await page.locator('#import-go:not([disabled])').press('Enter');
  await page.getByRole('heading', { name: '215 questions are in the draft' }).waitFor();
  await page.locator('#tabs').getByText('215').waitFor();
  await axe(page, 'done');
  assert.equal(await draft.count(), 215);
  const { items } = await ask('GET', `/assessments/${draft.id}/questions?limit=200`);
  const mended = items.find((q) => q.prompt === 'Which level stops this lost update?');
  assert.equal(mended.options.find((o) => o.id === mended.answerKey.optionId).text, 'Serializable');
  assert.deepEqual(items.find((q) => q.type === 'true_false').answerKey, { value: true });

  const waits = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Rows left out (1)' }).click();
  const left = readFileSync(await (await waits).path(), 'utf8');
  assert.match(left, /^\ufeffquestion,kind,a,b,c,d,answer,pts,row in the file,reason\r\nPick the retry policy,.*,three,177,"""three"" is no number of points/);
  await page.getByRole('link', { name: 'Go to the questions' }).click();
  await page.waitForURL(`**/app/assessments/${draft.id}`);
});

test('a change and a row that was left out can be taken back', async (t) => {
  const { page, fresh } = await stage(t);
  await fresh();
  await page.locator('#import-file').setInputFiles(file('bank.csv', bank([good(1), 'Which?,single,one,two,,,Z,1', 'And which?,single,one,two,,,Y,1'])));
  await stands(page, '1 right, 2 to mend');
  await page.getByRole('textbox', { name: 'Row 3, column G' }).fill('B');
  await stands(page, '2 right, 1 to mend');
  await page.getByText('Row 3 is right now. Column G was “Z”.').waitFor();
  await page.getByRole('button', { name: 'Undo the change in row 3' }).click();
  await stands(page, '1 right, 2 to mend');
  await page.getByRole('button', { name: 'Leave out all 2' }).click();
  await stands(page, '1 right, 0 to mend');
  await page.getByRole('button', { name: 'Bring it back: row 4' }).click();
  await stands(page, '1 right, 1 to mend');
  await page.locator('.toast').getByRole('button', { name: 'Undo' }).click();
  await stands(page, '1 right, 2 to mend');
});

test('a wrong file is refused before anything happens, in words that help', async (t) => {
  const { page, fresh } = await stage(t);
  const draft = await fresh();
  const choose = page.locator('#import-file');
  const says = (text) => page.getByRole('alert').filter({ hasText: text }).waitFor();
  const dir = await mkdtemp(path.join(os.tmpdir(), 'credlane-import-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const big = path.join(dir, 'big.csv');
  await writeFile(big, Buffer.alloc(21 << 20, 'a'));
  await choose.setInputFiles(big);
  await says('“big.csv” is larger than 20 MiB. Nothing was imported and your draft is unchanged.');
  await choose.setInputFiles(file('empty.csv', ''));
  await says('The file is empty.');
  await choose.setInputFiles({ name: 'bank.xlsx', mimeType: '', buffer: Buffer.from('%PDF-1.4\n') });
  await says('the content is something else (a PDF)');
  await axe(page, 'refused');
  if (corpusIsThere) {
    await choose.setInputFiles({ name: 'bank-final.xls', mimeType: '', buffer: readFileSync(real('xlsx_torture/DERIVED_xls_renamed.xlsx')) });
    await says('“bank-final.xls” could not be read. Nothing was imported and your draft is unchanged. This is an old Excel 97-2003 workbook');
    await choose.setInputFiles(real('xlsx_torture/calamine_pass_protected.xlsx'));
    await says('protected by a password');
    await choose.setInputFiles(real('xlsx_torture/DERIVED_truncated_60pct.xlsx'));
    await says('could not be read');
  }
  assert.equal(await draft.count(), 0);
  await choose.setInputFiles(file('bank.csv', bank([good(1)])));
  await stands(page, '1 right, 0 to mend');
  // Another wrong file does not take away the one that is being looked at.
  const several = page.locator('.filebar input[type=file]');
  await several.setInputFiles(big);
  await page.locator('.toast').filter({ hasText: '“big.csv” is larger than 20 MiB.' }).waitFor();
  assert.equal(await told(page), '1 right, 0 to mend');
});

test('the import asks how the answers are meant, and which column is which', async (t) => {
  const { page, ask, fresh } = await stage(t);
  const draft = await fresh();
  await page.locator('#import-file').setInputFiles(file('numbers.csv', 'question,a,b,c,answer\nWhich is even?,0,1,2,1\nWhich is odd?,2,0,1,2\n'));
  await page.getByRole('heading', { name: 'How are the answers meant?' }).waitFor();
  await axe(page, 'readings');
  assert.match(await page.getByRole('region', { name: 'Numbers: 0 is the first option' }).textContent(), /Which is odd\?21/);
  assert.match(await page.getByRole('region', { name: 'The text of the option' }).textContent(), /Which is odd\?22/);
  await page.getByRole('button', { name: 'Read them like this: The text of the option' }).click();
  await stands(page, '2 right, 0 to mend');
  await page.getByText('How the file is read').click();
  await page.getByLabel('Answers are').selectOption('0');
  await page.locator('#import-go:not([disabled])').click();
  await page.getByRole('heading', { name: '2 questions are in the draft' }).waitFor();
  const { items } = await ask('GET', `/assessments/${draft.id}/questions`);
  assert.deepEqual(items.map((q) => q.options.find((o) => o.id === q.answerKey.optionId).text), ['1', '1']);

  await fresh();
  await page.locator('#import-file').setInputFiles(file('names.csv', 'eins;zwei;drei;vier\nHTTPS?;443;80;443\nSSH?;22;23;22\n'));
  await page.getByText('The columns were not recognised.').waitFor();
  await axe(page, 'columns');
  await page.getByLabel('First row').selectOption('true');
  await page.getByRole('combobox', { name: 'Column A, eins, goes to' }).selectOption('Question');
  await page.getByRole('combobox', { name: 'Column B, zwei, goes to' }).selectOption('Option A');
  await page.getByRole('combobox', { name: 'Column C, drei, goes to' }).selectOption('Option B');
  await page.getByRole('combobox', { name: 'Column D, vier, goes to' }).selectOption('Correct');
  await stands(page, '2 right, 0 to mend');
  await page.getByRole('columnheader', { name: 'Correct D' }).waitFor();
  await page.getByLabel('Cells are parted by').selectOption('Comma');
  await page.getByText('The columns were not recognised.').waitFor();
  await page.getByLabel('Cells are parted by').selectOption('Semicolon');
  await page.getByText('The columns were not recognised.').waitFor();
});

test('a workbook with several sheets asks for one of them', async (t) => {
  if (!corpusIsThere) return t.diagnostic('there is no corpus');
  const { page, fresh } = await stage(t);
  const draft = await fresh();
  await page.locator('#import-file').setInputFiles(real('banks_xlsx/quizserver_data_8sheets.xlsx'));
  await page.getByRole('heading', { name: 'Which sheet holds the questions?' }).waitFor();
  await axe(page, 'sheets');
  assert.equal(await page.locator('.choice-btn').count(), 8);
  await page.getByRole('button', { name: 'Tesla Coils' }).click();
  await stands(page, '6 right, 0 to mend');
  await page.getByText('1 warning does not stop the import.').waitFor();
  await page.getByText('How the file is read').click();
  await page.getByLabel('Sheet').selectOption('Cyber Security');
  await stands(page, '7 right, 0 to mend');
  await page.locator('#import-go:not([disabled])').click();
  await page.getByRole('heading', { name: '7 questions are in the draft' }).waitFor();
  assert.equal(await draft.count(), 7);
});

test('real files with errors are mended in the page', async (t) => {
  if (!corpusIsThere) return t.diagnostic('there is no corpus');
  const { page, ask, fresh } = await stage(t);
  const portuguese = await fresh();
  await page.locator('#import-file').setInputFiles(real('banks_xlsx/thermoquiz_questions_pt.xlsx'));
  await stands(page, '0 right, 1 to mend');
  await page.getByRole('textbox', { name: 'Row 2, column F “options”' }).fill('sim | não');
  await page.getByRole('textbox', { name: 'Row 2, column G “correct_answer”' }).fill('sim');
  await stands(page, '1 right, 0 to mend');
  await page.locator('#import-go:not([disabled])').click();
  await page.getByRole('heading', { name: '1 question is in the draft' }).waitFor();
  const { items } = await ask('GET', `/assessments/${portuguese.id}/questions`);
  assert.deepEqual(items[0].options.map((o) => o.text), ['sim', 'não']);

  const trivia = await fresh();
  await page.locator('#import-file').setInputFiles(real('banks_csv/opentdb_v2.csv'));
  await stands(page, '4,600 right, 1 to mend');
  await page.keyboard.press('F8');
  assert.match((await focused(page)).name, /^Row 3136, column E/);
  await page.getByRole('button', { name: 'Show them: rows 3108 to 3135' }).click();
  await page.getByRole('row', { name: /^3109 / }).first().waitFor();
  // The jump has drawn the lines around it; those before come when asked for.
  await page.getByRole('row', { name: /195 lines before these/ }).getByRole('button', { name: 'Show more' }).click();
  await page.getByRole('row', { name: /45 lines before these/ }).getByRole('button', { name: 'Show more' }).click();
  await page.getByRole('button', { name: 'Show them: rows 4 to', exact: false }).first().click();
  await page.getByRole('row', { name: /^5 / }).first().waitFor();
  await page.getByRole('button', { name: 'Leave out row 3136' }).click();
  await page.locator('#import-go:not([disabled])').filter({ hasText: 'Import 4,600 questions' }).click();
  await page.getByRole('heading', { name: '4,600 questions are in the draft' }).waitFor();
  assert.equal(await trivia.count(), 4600);
});

test('a broken line costs nothing, and an import that was sent twice is written once', async (t) => {
  const { page, s, fresh, open } = await stage(t, { allow: [...refused, /ERR_INTERNET_DISCONNECTED|ERR_FAILED|ERR_CONNECTION/] });
  const draft = await fresh();
  await page.locator('#import-file').setInputFiles(file('bank.csv', bank([good(1), 'Which?,single,one,two,,,Z,1'])));
  await stands(page, '1 right, 1 to mend');
  await page.context().setOffline(true);
  await page.getByRole('textbox', { name: 'Row 3, column G' }).fill('B');
  await page.getByRole('alert').filter({ hasText: 'There is no connection to the server. Your file and 1 change are kept in this page. Nothing was imported.' }).waitFor();
  await axe(page, 'offline');
  assert.equal(await page.getByRole('textbox', { name: 'Row 3, column G' }).inputValue(), 'B');
  await page.context().setOffline(false);
  await stands(page, '2 right, 0 to mend');

  // The server has written the questions, but its answer never arrives.
  let times = 0;
  await page.route('**/questions/import', async (route) => {
    times++;
    if (times > 1) return route.continue();
    await route.fetch();
    return route.abort();
  });
  await page.locator('#import-go:not([disabled])').click();
  await page.getByRole('alert').filter({ hasText: 'There is no connection' }).waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: '2 questions are in the draft' }).waitFor();
  assert.equal(times, 2);
  assert.equal(await draft.count(), 2);
  await page.unroute('**/questions/import');

  // The server dies while rows are being mended, and comes back.
  const other = await open({ allow: [...refused, /ERR_CONNECTION/] });
  await login(other);
  const { id } = draft;
  await other.goto(`/app/assessments/${id}/import`);
  await other.locator('#import-file').setInputFiles(file('bank.csv', bank([good(1), 'Which?,single,one,two,,,Z,1'])));
  await stands(other, '1 right, 1 to mend');
  await s.kill();
  await other.getByRole('textbox', { name: 'Row 3, column G' }).fill('A');
  await other.getByRole('alert').filter({ hasText: 'There is no connection' }).waitFor();
  await s.start();
  await other.getByRole('button', { name: 'Try again' }).click();
  await stands(other, '2 right, 0 to mend');
});

test('leaving with an unfinished import warns, and stopping one asks', async (t) => {
  const { page, fresh } = await stage(t);
  await fresh();
  await page.locator('#import-file').setInputFiles(file('bank.csv', bank([good(1), 'Which?,single,one,two,,,Z,1'])));
  await stands(page, '1 right, 1 to mend');
  await page.getByRole('textbox', { name: 'Row 3, column G' }).fill('B');
  await stands(page, '2 right, 0 to mend');
  const asked = page.waitForEvent('dialog');
  const going = page.locator('#tabs a').first().click({ noWaitAfter: true });
  const dialog = await asked;
  assert.equal(dialog.type(), 'beforeunload');
  await dialog.dismiss();
  await going;
  assert.equal(await told(page), '2 right, 0 to mend');
  await page.getByRole('button', { name: 'Cancel' }).click();
  const alert = page.getByRole('alertdialog');
  await alert.getByText('1 change that you made here will be gone.').waitFor();
  await alert.getByRole('button', { name: 'Keep them' }).click();
  assert.equal(await told(page), '2 right, 0 to mend');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await alert.getByRole('button', { name: 'Stop it' }).click();
  await page.getByText('Drop a CSV or XLSX file here').waitFor();
  let asks = 0;
  page.on('dialog', (d) => { asks++; return d.accept(); });
  await page.reload();
  assert.equal(asks, 0, 'nothing is unfinished any more');
});

test('a file makes its own draft, and a file that cannot be read makes none', async (t) => {
  const { page, ask } = await stage(t);
  await page.goto('/app/import');
  await axe(page, 'new import');
  await page.locator('#import-file').setInputFiles(file('empty.csv', ''));
  await page.getByRole('alert').filter({ hasText: 'Nothing was imported. The file is empty.' }).waitFor(); // there is no draft to speak of
  assert.equal((await ask('GET', '/assessments')).items.length, 0);
  await page.locator('#import-file').setInputFiles(file('go-postgres_bank.csv', bank([good(1)])));
  await stands(page, '1 right, 0 to mend');
  await page.locator('#crumbs').getByText('Go postgres bank').waitFor();
  await page.locator('#tabs').waitFor();
  const { items } = await ask('GET', '/assessments');
  assert.deepEqual(items.map((a) => [a.title, a.questionCount]), [['Go postgres bank', 0]]);
  assert.match(page.url(), new RegExp(`/app/assessments/${items[0].id}/import$`));
  await page.locator('#import-go:not([disabled])').click();
  await page.getByRole('heading', { name: '1 question is in the draft' }).waitFor();
});

test('an import that is stopped leaves no draft behind', async (t) => {
  const { page, ask } = await stage(t);
  await page.goto('/app/import');
  await page.locator('#import-file').setInputFiles(file('go-postgres_bank.csv', bank([good(1)])));
  await page.locator('#import-go:not([disabled])').waitFor();
  await page.locator('#import-cancel').click();
  await page.waitForURL('**/app/import');
  await page.locator('#tabs').waitFor({ state: 'detached' });
  assert.equal((await focused(page)).id, 'import-file');
  assert.deepEqual((await ask('GET', '/assessments')).items, []);

  await page.locator('#import-file').setInputFiles(file('go-postgres_bank.csv', bank([good(1)])));
  await page.locator('#import-go:not([disabled])').waitFor();
  const { items: [{ id }] } = await ask('GET', '/assessments');
  await ask('POST', `/assessments/${id}/questions`, { type: 'true_false', prompt: 'Somebody wrote this meanwhile.' });
  const kept = page.waitForResponse((r) => r.request().method() === 'DELETE');
  await page.locator('#import-cancel').click();
  assert.equal((await kept).status(), 412);
  assert.equal((await ask('GET', `/assessments/${id}`)).questionCount, 1);
});

test('files are imported one after the other, and the same one twice when it is meant', async (t) => {
  const { page, fresh } = await stage(t);
  const draft = await fresh();
  const another = async (name, rows, before) => {
    await page.locator('.empty input[type=file]').setInputFiles(file(name, bank(rows)));
    await page.locator('#import-go:not([disabled])').click();
    await page.locator('#done-h').waitFor();
    assert.equal(await draft.count(), before + rows.length);
  };
  await page.locator('#import-file').setInputFiles(file('first.csv', bank([good(1)])));
  await page.locator('#import-go:not([disabled])').click();
  await page.locator('#done-h').waitFor();
  await another('second.csv', [good(2), good(3)], 1);
  await another('second.csv', [good(2), good(3)], 3);
});

test('a stranger\'s file is shown as text', async (t) => {
  const { page, fresh } = await stage(t);
  await fresh();
  const evil = '<img src=x onerror=alert(1)>';
  await page.locator('#import-file').setInputFiles(file(`${evil}.csv`, `question,"${evil}",a,b,answer\n${evil},${evil},${evil},y,${evil}\n${evil},,x,y,Z\n`));
  await stands(page, 'right');
  assert.equal(await page.locator('#main img').count(), 0);
  await page.getByText(evil).first().waitFor();
});

test('the page stands in both themes, wide and narrow', async (t) => {
  const { page: first, open, draft } = await stage(t);
  await first.context().close();
  for (const [theme, width] of [['light', 1440], ['dark', 1440], ['dark', 390], ['light', 320]]) {
    const page = await open({ theme, width });
    await login(page);
    const { id } = await draft();
    await page.goto(`/app/assessments/${id}/import`);
    await noSideways(page, `drop ${width}`);
    await page.locator('#import-file').setInputFiles(file('bank.csv', threeBad));
    await stands(page, '213 right, 3 to mend');
    await axe(page, `check ${theme} ${width}`);
    await noSideways(page, `check ${width}`);
    await page.context().close();
  }
});

test('a large file stays fluid', async (t) => {
  const { page, fresh } = await stage(t);
  await fresh();
  const rows = Array.from({ length: 50_000 }, (_, i) => `Which statement about step ${i} is right?,single,It is carried out ${i} times,It is left out,It fails,It waits,${i % 30 === 7 ? 'Z' : 'A'},1`);
  await page.locator('#import-file').setInputFiles(file('large.csv', bank(rows)));
  await stands(page, '48,333 right, 1,667 to mend');
  assert.ok(await page.evaluate(() => document.querySelectorAll('*').length) < 6_000, 'the page does not grow with the file');
  await page.keyboard.press('F8');
  assert.equal((await focused(page)).name, 'Row 9, column G “answer”');
  await page.keyboard.press('Shift+F8');
  assert.equal((await focused(page)).name, `Row ${999 * 30 + 9}, column G “answer”`, 'the last of the problems that are named');
  await page.keyboard.press('Shift+F8');
  assert.equal((await focused(page)).name, `Row ${998 * 30 + 9}, column G “answer”`);
  assert.ok(await page.evaluate(() => document.querySelectorAll('*').length) < 6_000, 'a jump does not draw what lies between');
  await page.getByText('before these.').getByRole('button', { name: 'Show more' }).click();
});
