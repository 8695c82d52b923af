// The whole journey: a first visitor registers, imports real files, mends them, publishes and invites; two people take the test,
// one on a phone; and every number that a page or a file shows is the API's.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { api, axe, browser, noSideways, register, root, server } from './lib.mjs';

const corpus = process.env.CREDLANE_CORPUS ?? path.resolve(root, '../shared/data');
const people = { ada: { name: 'Ada Winters', email: 'ada.winters@example.org' }, ben: { name: 'Ben Okonkwo', email: 'ben.okonkwo@example.org' } };

// halfUp rounds 100 x points / total to two decimals, in whole numbers alone.
const halfUp = (points, total) => Number((BigInt(points) * 20_000n + BigInt(total)) / (2n * BigInt(total))) / 100;

const shown = (score) => `${score}%`;

test('from a spreadsheet to a result, with a real file', async (t) => {
  if (!existsSync(corpus)) return t.diagnostic('there is no corpus');
  const s = await server(t);
  const { open } = await browser(t, { url: s.url, allow: [/422 \(Unprocessable Entity\)/] });
  const page = await open();

  await page.goto('/');
  await register(page);
  const ask = await api(s);
  await page.getByRole('link', { name: 'Import', exact: false }).first().click();
  await page.waitForURL('**/app/import');

  // A file that makes its own draft: its last row is no question and is left out.
  await page.locator('#import-file').setInputFiles(path.join(corpus, 'banks_xlsx/science_quiz.xlsx'));
  await page.locator('#sumh').filter({ hasText: '8 right, 1 to mend' }).waitFor();
  await page.keyboard.press('F8');
  await page.getByRole('button', { name: 'Leave out row 10' }).click();
  await page.locator('#import-go:not([disabled])').filter({ hasText: 'Import 8 questions' }).click();
  await page.getByRole('heading', { name: '8 questions are in the draft' }).waitFor();

  // A second one, whose only row is mended in the page.
  await page.locator('.empty input[type=file]').setInputFiles(path.join(corpus, 'banks_xlsx/thermoquiz_questions_pt.xlsx'));
  await page.locator('#sumh').filter({ hasText: '0 right, 1 to mend' }).waitFor();
  await page.getByRole('textbox', { name: 'Row 2, column F “options”' }).fill('sim|não');
  await page.getByRole('textbox', { name: 'Row 2, column G “correct_answer”' }).fill('não');
  await page.locator('#import-go:not([disabled])').filter({ hasText: 'Import 1 question' }).click();
  await page.getByRole('heading', { name: '1 question is in the draft' }).waitFor();

  const { items: [{ id }] } = await ask('GET', '/assessments');
  await page.getByRole('link', { name: 'Go to the questions' }).click();
  await page.waitForURL(`**/app/assessments/${id}`);
  await page.locator('[data-publish]').first().click();
  await page.locator('[data-publish-now]').click();
  await page.getByRole('heading', { name: 'Version 1 is live' }).waitFor();

  const { items: questions } = await ask('GET', `/assessments/${id}/questions?limit=200`);
  assert.equal(questions.length, 9);
  const thousandths = (points) => Math.round(Number(points) * 1000);
  const total = questions.reduce((sum, q) => sum + thousandths(q.points), 0);

  // Both are invited in one go, and their links are taken from the page.
  await page.goto(`/app/assessments/${id}/invites`);
  await page.getByLabel('E-mail addresses').fill(Object.values(people).map((p) => `${p.name} <${p.email}>`).join('\n'));
  await page.getByRole('button', { name: 'Make 2 invites' }).click();
  await page.locator('[data-invite]').nth(1).waitFor();
  const linkOf = async ({ name }) => new URL(await page.locator(`[data-who="${name}"] [data-copy*="/i/"]`).getAttribute('data-copy')).pathname;

  const right = (q) => {
    const key = q.answerKey;
    return (key.optionIds ?? [key.optionId]).map((o) => q.options.find((x) => x.id === o).text);
  };
  const wrong = (q) => [q.options.find((o) => !right(q).includes(o.text)).text];

  // take goes from the link to the receipt. answers gives the texts to tick for a question, or none.
  const take = async (who, answers, options) => {
    const c = await open(options);
    await c.goto(await linkOf(who));
    await axe(c, `landing ${options.width}`);
    if (await c.locator('#name').count() > 0) await c.locator('#name').fill(who.name);
    await c.locator('#consent').check();
    await c.locator('form[data-start] button[type="submit"]').click();
    await c.waitForURL('**/take');
    await c.locator('html[data-ready]').waitFor({ state: 'attached' });
    let points = 0;
    for (const [i, q] of questions.entries()) {
      const texts = answers(q, i);
      const place = c.locator(`[data-q="${q.id}"]`);
      await place.waitFor();
      await noSideways(c, `question ${i + 1}`);
      for (const text of texts) await place.locator('.opt').filter({ hasText: text }).first().click();
      if (texts.length > 0 && texts.join() === right(q).join()) points += thousandths(q.points);
      if (i + 1 < questions.length) await c.locator('[data-next]').click();
    }
    await c.locator('[data-save]:not(.wait)').filter({ hasText: /^Saved/ }).waitFor();
    if (options.mobile) await c.locator('button.only-sm[popovertarget="nav"]:visible').click();
    await c.locator('[data-review]').click();
    await c.locator('#review [data-submit]').click();
    await c.waitForURL('**/take/result');
    await c.getByRole('heading', { name: 'Your answers are in' }).waitFor();
    await axe(c, `receipt ${options.width}`);
    return { page: c, points };
  };
  const ada = await take(people.ada, right, { width: 1440 });
  const ben = await take(people.ben, (q, i) => (i % 3 === 0 ? right(q) : i % 3 === 1 ? wrong(q) : []), { width: 390, height: 844, mobile: true });
  const scores = { ada: halfUp(ada.points, total), ben: halfUp(ben.points, total) };
  assert.equal(scores.ada, 100);
  assert.ok(scores.ben > 0 && scores.ben < 100);

  // The API's numbers are those that the answers earned.
  const { items: list } = await ask('GET', `/assessments/${id}/submissions?sort=-score`);
  assert.deepEqual(list.map((i) => [i.candidate.email, i.score, i.passed]), [[people.ada.email, scores.ada, true], [people.ben.email, scores.ben, scores.ben >= 60]]);
  const sum = await ask('GET', `/assessments/${id}/results`);
  assert.equal(sum.counts.submitted, 2);

  // The pages show the API's numbers.
  await page.goto(`/app/assessments/${id}/results`);
  await axe(page, 'results');
  assert.deepEqual(await page.locator('.cands .who').allTextContents(), list.map((i) => i.candidate.name));
  for (const i of list) {
    const row = page.locator('.cands [role="row"], .cands tr').filter({ hasText: i.candidate.name });
    assert.ok((await row.first().innerText()).includes(shown(i.score)), `${i.candidate.name} has ${shown(i.score)}`);
  }
  for (const i of list) {
    await page.goto(`/app/submissions/${i.id}`);
    const text = await page.locator('main').innerText();
    assert.ok(text.includes(String(i.score)), `the page of ${i.candidate.name} says ${i.score}`);
    const one = await ask('GET', `/submissions/${i.id}`);
    assert.equal(one.questions.reduce((n, q) => n + thousandths(q.pointsEarned), 0), thousandths(i.points));
    assert.deepEqual((await page.locator('.answer .pts').allInnerTexts()).map((p) => p.split(' / ').map(Number)),
      one.questions.map((q) => [q.pointsEarned, q.points]), `the points of each question of ${i.candidate.name}`);
  }

  // So does the file.
  await page.goto(`/app/assessments/${id}/results`);
  const waiting = page.waitForEvent('download');
  await page.getByRole('link', { name: 'CSV', exact: true }).click();
  const lines = readFileSync(await (await waiting).path(), 'utf8').replace(/^\ufeff/, '').trim().split(/\r?\n/);
  assert.equal(lines.length, 3);
  const head = lines[0].split(',');
  const at = (line, name) => line.split(',')[head.indexOf(name)];
  for (const i of list) {
    const line = lines.find((l) => l.includes(i.candidate.email));
    assert.ok(line, `${i.candidate.email} is in the file`);
    assert.equal(Number(at(line, 'score')), i.score);
    assert.equal(Number(at(line, 'points')), i.points);
  }

  // What is released is what the candidate sees.
  await page.getByRole('button', { name: 'Release 2 results' }).click();
  await page.getByRole('dialog').getByRole('radio', { name: /^Score/ }).check();
  await page.getByRole('dialog').getByRole('button', { name: 'Release 2 results' }).click();
  await page.getByText('Candidates see', { exact: false }).first().waitFor();
  for (const [who, c] of [['ada', ada], ['ben', ben]]) {
    await c.page.reload();
    assert.ok((await c.page.locator('main').innerText()).includes(String(scores[who])), `${who} sees ${scores[who]}`);
    await c.page.context().close();
  }

  // The invites say how far both came.
  await page.goto(`/app/assessments/${id}/invites`);
  await page.locator('[data-invite][data-state="completed"]').nth(1).waitFor();
  const { items: invites } = await ask('GET', `/assessments/${id}/invites`);
  assert.deepEqual(invites.map((i) => i.state), ['completed', 'completed']);
  await page.context().close();
});
