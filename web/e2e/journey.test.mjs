// The whole journey: a first visitor registers, imports real files, mends them, publishes and invites; two people take the test,
// one on a phone, then twelve more; and every number that a page or a file shows is the API's.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { csv, download, xlsx } from './files.mjs';
import { api, axe, browser, noSideways, register, root, server } from './lib.mjs';

const corpus = process.env.CREDLANE_CORPUS ?? path.resolve(root, '../shared/data');
const people = { ada: { name: 'Ada Winters', email: 'ada.winters@example.org' }, ben: { name: 'Ben Okonkwo', email: 'ben.okonkwo@example.org' } };
const more = Array.from({ length: 15 }, (_, i) => ({ name: `Candidate ${'ABCDEFGHIJKLMNO'[i]}`, email: `candidate${i}@example.org` }));

const thousandths = (points) => Math.round(Number(points) * 1000);

// halfUp rounds 100 x points / total to two decimals, in whole numbers alone.
const halfUp = (points, total) => Number((BigInt(points) * 20_000n + BigInt(total)) / (2n * BigInt(total))) / 100;

const right = ({ answerKey: key, options }) => (key.optionIds ?? [key.optionId]).map((o) => options.find((x) => x.id === o).text);
const wrong = (q) => [q.options.find((o) => !right(q).includes(o.text)).text];

// lasting is a time in words; nobody here takes hours.
const lasting = (seconds) => (seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`);

test('from a spreadsheet to a result, with a real file', async (t) => {
  if (!existsSync(corpus)) return t.diagnostic('there is no corpus');
  const s = await server(t);
  const { open } = await browser(t, { url: s.url, allow: [/422 \(Unprocessable Entity\)/] });
  const page = await open();
  await page.goto('/');
  await register(page);
  const ask = await api(s);
  await importAndMend(page);
  const { items: [{ id }] } = await ask('GET', '/assessments');
  await publish(page, id);
  const { items: questions } = await ask('GET', `/assessments/${id}/questions?limit=200`);
  assert.equal(questions.length, 9);
  const total = questions.reduce((sum, q) => sum + thousandths(q.points), 0);
  const links = await invite(page, id);

  const ada = await take(open, links.ada, people.ada, questions, right, { width: 1440 });
  const ben = await take(open, links.ben, people.ben, questions, (q, i) => (i % 3 === 0 ? right(q) : i % 3 === 1 ? wrong(q) : []), { width: 390, height: 844, mobile: true });
  const scores = { ada: halfUp(ada.points, total), ben: halfUp(ben.points, total) };
  assert.equal(scores.ada, 100);
  assert.ok(scores.ben > 0 && scores.ben < 100);

  // The API's numbers are those that the answers earned.
  const { items: list } = await ask('GET', `/assessments/${id}/submissions?sort=-score`);
  assert.deepEqual(list.map((i) => [i.candidate.email, i.score, i.passed]), [[people.ada.email, scores.ada, true], [people.ben.email, scores.ben, scores.ben >= 60]]);
  await comparePeople(page, ask, id);
  await page.getByText('2 submissions so far.').waitFor();
  assert.equal(await page.locator('.stats, .hist, .funnel, .items').count(), 0, 'of two people there is no chart');
  await compareEach(page, ask, list);
  await compareFiles(page, id, list);
  await release(page, { ada, ben }, scores);

  await join(s, ask, id, questions);
  await comparePeople(page, ask, id);
  await compareFigures(page, ask, id);
  await compareItems(page, ask, id);
  await compareFiles(page, id, (await ask('GET', `/assessments/${id}/submissions?limit=100`)).items);
  await compareList(page, ask, id);
  await compareInvites(page, ask, id);
  await page.context().close();
});

// importAndMend brings two files in. The last row of the first is no question and is left out; the second's only row is mended.
async function importAndMend(page) {
  await page.getByRole('link', { name: 'Import', exact: false }).first().click();
  await page.waitForURL('**/app/import');
  await page.locator('#import-file').setInputFiles(path.join(corpus, 'banks_xlsx/science_quiz.xlsx'));
  await page.locator('#sumh').filter({ hasText: '8 right, 1 to mend' }).waitFor();
  await page.keyboard.press('F8');
  await page.getByRole('button', { name: 'Leave out row 10' }).click();
  await page.locator('#import-go:not([disabled])').filter({ hasText: 'Import 8 questions' }).click();
  await page.getByRole('heading', { name: '8 questions are in the draft' }).waitFor();

  await page.locator('.empty input[type=file]').setInputFiles(path.join(corpus, 'banks_xlsx/thermoquiz_questions_pt.xlsx'));
  await page.locator('#sumh').filter({ hasText: '0 right, 1 to mend' }).waitFor();
  await page.getByRole('textbox', { name: 'Row 2, column F “options”' }).fill('sim|não');
  await page.getByRole('textbox', { name: 'Row 2, column G “correct_answer”' }).fill('não');
  await page.locator('#import-go:not([disabled])').filter({ hasText: 'Import 1 question' }).click();
  await page.getByRole('heading', { name: '1 question is in the draft' }).waitFor();
}

async function publish(page, id) {
  await page.getByRole('link', { name: 'Go to the questions' }).click();
  await page.waitForURL(`**/app/assessments/${id}`);
  await page.locator('[data-publish]').first().click();
  await page.locator('[data-publish-now]').click();
  await page.getByRole('heading', { name: 'Version 1 is live' }).waitFor();
}

// invite asks both in one go, and takes their links from the page.
async function invite(page, id) {
  await page.goto(`/app/assessments/${id}/invites`);
  await page.getByLabel('E-mail addresses').fill(Object.values(people).map((p) => `${p.name} <${p.email}>`).join('\n'));
  await page.getByRole('button', { name: 'Make 2 invites' }).click();
  await page.locator('[data-invite]').nth(1).waitFor();
  const links = {};
  for (const [who, { name }] of Object.entries(people)) links[who] = new URL(await page.locator(`[data-who="${name}"] [data-copy*="/i/"]`).getAttribute('data-copy')).pathname;
  return links;
}

// take goes from the link to the receipt. answers gives the texts to tick for a question, or none.
async function take(open, link, who, questions, answers, options) {
  const c = await open(options);
  await c.goto(link);
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
}

// join lets more people come by the API, so that there is something to draw: twelve hand in, with none to all answers right, one is
// at it, one has opened the link and one has not.
async function join(s, ask, id, questions) {
  const { results } = await ask('POST', `/assessments/${id}/invites`, { invites: more });
  const say = async (method, where, token, body) => {
    const answer = await fetch(`${s.url}/api/v1/public${where}`, { method, headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }, body: body && JSON.stringify(body) });
    assert.ok(answer.ok, `${method} ${where}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  };
  for (const [i, { invite: { url } }] of results.entries()) {
    const link = `/invites/${url.split('/').pop()}`;
    if (i === 14) continue;
    await say('GET', link);
    if (i === 13) continue;
    const { submissionToken, questions: asked } = await say('POST', `${link}/submissions`, '', { consent: true });
    for (const [n, q] of questions.entries()) {
      if ((n + i) % 11 === 0) continue; // some leave one out
      const texts = n < i ? right(q) : wrong(q);
      const ids = texts.map((text) => asked.find((a) => a.id === q.id).options.find((o) => o.text === text).id);
      await say('PUT', `/submission/answers/${q.id}`, submissionToken, { answer: q.type === 'multiple_choice' ? ids : ids[0] });
    }
    if (i < 12) await say('POST', '/submission/submit', submissionToken, {});
  }
}

// comparePeople holds the table of the results against the API's list, row by row.
async function comparePeople(page, ask, id) {
  const { items: list } = await ask('GET', `/assessments/${id}/submissions?sort=-score&limit=100`);
  await page.goto(`/app/assessments/${id}/results`);
  await axe(page, `results of ${list.length}`);
  assert.deepEqual(await page.locator('.cands .who').allTextContents(), list.map((i) => i.candidate.name));
  const rows = await page.locator('.cands tbody tr').allInnerTexts();
  for (const [n, i] of list.entries()) {
    const said = i.status === 'in_progress' ? ['Not yet', 'In progress'] : [`${i.score}%`, i.passed ? 'Passed' : `Below ${i.passingScore}%`];
    for (const words of [i.candidate.email, ...said]) assert.ok(rows[n].includes(words), `${i.candidate.name} has ${words}: ${rows[n]}`);
  }
}

async function compareEach(page, ask, list) {
  for (const i of list) {
    await page.goto(`/app/submissions/${i.id}`);
    assert.equal(await page.locator('.ring').getAttribute('aria-label'), `${i.score} per cent, pass mark ${i.passingScore} per cent`);
    const one = await ask('GET', `/submissions/${i.id}`);
    assert.equal(one.questions.reduce((n, q) => n + thousandths(q.pointsEarned), 0), thousandths(i.points));
    assert.deepEqual((await page.locator('.answer .pts').allInnerTexts()).map((p) => p.split(' / ').map(Number)),
      one.questions.map((q) => [q.pointsEarned, q.points]), `the points of each question of ${i.candidate.name}`);
  }
}

// compareFigures holds the figures, the histogram and the funnel against the API's summary, and that against its lists.
async function compareFigures(page, ask, id) {
  const sum = await ask('GET', `/assessments/${id}/results`);
  const { items: all } = await ask('GET', `/assessments/${id}/submissions?limit=100`);
  const { items: invites } = await ask('GET', `/assessments/${id}/invites?limit=100`);
  const done = all.filter((i) => i.status === 'submitted');
  const scores = done.map((i) => i.score).sort((a, b) => a - b);
  assert.deepEqual([sum.counts.submitted, sum.counts.inProgress, sum.counts.passed], [14, 1, done.filter((i) => i.passed).length]);
  assert.deepEqual([sum.lowestScore, sum.highestScore, sum.passRate], [scores[0], scores[13], halfUp(sum.counts.passed, 14)]);
  assert.equal(sum.medianScore, halfUp(Math.round((scores[6] + scores[7]) * 100), 20_000));

  assert.deepEqual(await page.locator('.stats dd b').allTextContents(),
    ['14', `${sum.passRate}%`, `${sum.medianScore}%`, lasting(sum.medianTimeSpentSeconds), '1']);
  const small = await page.locator('.stats dd small').allInnerTexts();
  assert.equal(small[1], `${sum.counts.passed} people at ${sum.passingScore}% or more`);
  assert.equal(small[2], `from ${sum.lowestScore}% to ${sum.highestScore}%, mean ${sum.meanScore}%`);

  assert.equal(sum.histogram.length, 10);
  for (const [n, bar] of sum.histogram.entries()) {
    assert.equal(bar.count, scores.filter((x) => x >= bar.from && (x < bar.to || n === 9)).length, `the API counts who has ${bar.from} to ${bar.to}`);
  }
  const bars = await page.locator('.hist g').evaluateAll((all) => all.map((g) => [g.getAttribute('aria-label'), Number(g.querySelector('text').textContent)]));
  assert.deepEqual(bars, sum.histogram.filter((b) => b.count > 0).map((b) => [`${b.from} to ${b.to}%: ${b.count} ${b.count === 1 ? 'person' : 'people'}`, b.count]));
  // The bars are as high as their numbers say.
  const tall = await page.locator('.hist g').evaluateAll((all) => all.map((g) => Number(g.querySelector('rect').getAttribute('height')) / Number(g.querySelector('text').textContent)));
  for (const each of tall) assert.ok(Math.abs(each - tall[0]) < 0.02, `${tall}`);

  const steps = { Invited: invites.length, Opened: invites.filter((i) => i.openedAt).length, Started: invites.filter((i) => i.startedAt).length, Submitted: done.length, Passed: sum.counts.passed };
  assert.deepEqual(Object.values(steps).slice(0, 4), [17, 16, 15, 14]);
  const drawn = await page.locator('.funnel li').evaluateAll((all) => all.map((li) => [li.querySelector('.fl').textContent, Number(li.querySelector('b').textContent), li.querySelector('.fp').textContent]));
  assert.deepEqual(drawn, Object.entries(steps).map(([name, n]) => [name, n, `${Math.round((100 * n) / 17)}%`]));
}

// compareItems holds the analysis of each question against the API's.
async function compareItems(page, ask, id) {
  const { items } = await ask('GET', `/assessments/${id}/results`);
  await page.goto(`/app/assessments/${id}/results?items=place`);
  const signed = (v) => (v === null ? '' : `${v.toFixed(2) === '0.00' || v.toFixed(2) === '-0.00' ? '' : v < 0 ? '−' : '+'}${Math.abs(v).toFixed(2)}`);
  const rows = await page.locator('.items tbody tr').evaluateAll((all) => all.map((tr) => ({
    place: Number(tr.querySelector('.q-place').textContent), share: tr.querySelector('.share').textContent, apart: tr.querySelector('.apart')?.textContent ?? '',
    answered: tr.querySelector('[data-l="Answered"]').textContent,
  })));
  assert.deepEqual(rows.sort((a, b) => a.place - b.place),
    items.map((i) => ({ place: i.position, share: `${Math.round(100 * i.difficulty)}%`, apart: signed(i.itemRest), answered: `${i.answered} of 14` })));
  const asked = items.find((i) => i.type === 'single_choice');
  await page.goto(`/app/assessments/${id}/results?choices=${asked.questionId}`);
  const { items: counted } = await ask('GET', `/assessments/${id}/results?choices=${asked.questionId}`);
  const { choices } = counted.find((i) => i.questionId === asked.questionId);
  const shown = await page.locator('.who-chose li b').allTextContents();
  assert.deepEqual(shown.map(Number), choices.map((c) => c.count));
  assert.equal(shown.reduce((n, c) => n + Number(c), 0), asked.answered, 'whoever answered chose one');
}

// compareFiles holds the three files against the API's list.
async function compareFiles(page, id, list) {
  await page.goto(`/app/assessments/${id}/results`);
  const file = (kind) => download(page, page.getByRole('link', { name: kind, exact: true }));
  const lines = (await file('NDJSON')).toString().trim().split('\n').map((line) => JSON.parse(line));
  const sheets = { CSV: csv(await file('CSV')), XLSX: xlsx(await file('XLSX')) };
  const sorted = [...list].sort((a, b) => (a.candidate.email < b.candidate.email ? -1 : 1));
  const number = (cell) => (cell === '' ? null : Number(cell));
  for (const [kind, rows] of Object.entries(sheets)) {
    assert.deepEqual(rows.map((r) => [r.email, r.name, r.status, number(r.score), number(r.points), Number(r.points_total), Number(r.passing_score)]).sort((a, b) => (a[0] < b[0] ? -1 : 1)),
      sorted.map((i) => [i.candidate.email, i.candidate.name, i.status, i.score, i.points, i.pointsTotal, i.passingScore]), kind);
  }
  assert.deepEqual(lines.map((l) => [l.candidate.email, l.status, l.score, l.points, l.passed]).sort((a, b) => (a[0] < b[0] ? -1 : 1)),
    sorted.map((i) => [i.candidate.email, i.status, i.score, i.points, i.passed]), 'NDJSON');
}

// release shows both candidates their scores: what is released is what they see.
async function release(page, taken, scores) {
  await page.getByRole('button', { name: 'Release 2 results' }).click();
  await page.getByRole('dialog').getByRole('radio', { name: /^Score/ }).check();
  const released = page.waitForResponse((r) => r.url().endsWith('/results/release'));
  await page.getByRole('dialog').getByRole('button', { name: 'Release 2 results' }).click();
  assert.equal((await released).status(), 200);
  await page.locator('.release-line', { hasText: 'Candidates see' }).waitFor();
  for (const [who, { page: c }] of Object.entries(taken)) {
    await c.reload();
    assert.ok((await c.locator('.ring').innerHTML()).includes(`>${scores[who]}%<`), `${who} sees ${scores[who]}`);
    await c.context().close();
  }
}

// compareList holds the row of the assessment on the first page against the API.
async function compareList(page, ask, id) {
  const { counts, passRate } = await ask('GET', `/assessments/${id}/results`);
  await page.goto('/app/assessments');
  const row = await page.locator('[data-row]').first().innerText();
  assert.match(row.replace(/\s+/g, ' '), new RegExp(`\\b17 ${counts.total} ${counts.submitted} .*${Math.round(passRate)}%`));
}

// compareInvites holds the states of the invites, and how many are in each, against the API's.
async function compareInvites(page, ask, id) {
  const { items } = await ask('GET', `/assessments/${id}/invites?limit=100`);
  await page.goto(`/app/assessments/${id}/invites`);
  const shown = await page.locator('[data-invite]').evaluateAll((all) => all.map((row) => [row.dataset.who, row.dataset.state]));
  assert.deepEqual(shown.sort(), items.map((i) => [i.name, i.state]).sort());
  assert.equal(items.filter((i) => i.state === 'completed').length, 14);
}
