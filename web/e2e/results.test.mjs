// The results and one submission in a browser: read, sort, filter, decide, release, take the files away, by mouse and by keyboard.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { api, axe, browser, focused, login, noSideways, server } from './lib.mjs';

// example is a server with the example employer, its first assessment, and how to ask the API.
async function example(t, candidates) {
  const s = await server(t, { demo: candidates });
  const who = { email: 'demo@meridian.example', password: /password (\S+)/.exec(s.demo)[1] };
  const ask = await api(s, who);
  const { items } = await ask('GET', '/assessments');
  const assessment = items.find((a) => a.title.startsWith('Backend')) ?? items.at(-1);
  return { s, who, ask, assessment, results: `/app/assessments/${assessment.id}/results` };
}

const names = (page) => page.locator('.cands .who').allTextContents();

test('the figures, the order and the filters are those of the API', async (t) => {
  const { s, who, ask, assessment, results } = await example(t, 80);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page, who);
  await page.goto(results);
  const sum = await ask('GET', `/assessments/${assessment.id}/results`);
  const figures = await page.locator('.stats dd b').allTextContents();
  assert.deepEqual(figures.slice(0, 3), [String(sum.counts.submitted + sum.counts.expired), `${sum.passRate}%`, `${sum.medianScore}%`]);
  for (const bar of sum.histogram.filter((b) => b.count > 0)) {
    assert.equal(await page.locator(`.hist g[aria-label^="${bar.from} to"] .n`).textContent(), String(bar.count));
  }

  const list = async (query) => (await ask('GET', `/assessments/${assessment.id}/submissions?limit=25&${query}`)).items.map((i) => i.candidate.name);
  assert.deepEqual(await names(page), await list('sort=-score'));
  await page.getByRole('link', { name: 'Candidate', exact: true }).click();
  await page.waitForURL('**sort=name**');
  assert.equal(await page.locator('th[aria-sort]').first().textContent(), 'Candidate');
  assert.deepEqual(await names(page), await list('sort=name'));

  await page.getByRole('navigation', { name: 'Show', exact: true }).getByRole('link', { name: /^Passed/ }).click();
  await page.waitForURL('**passed=true**');
  assert.deepEqual(await names(page), await list('passed=true&sort=-score'));
  await page.getByLabel('Decision').selectOption('none'); // acts at once
  await page.waitForURL('**decision=none**');
  const [first] = await list('passed=true&sort=-score');
  await page.getByLabel('Find a candidate by name or email').fill(first.toUpperCase());
  await page.keyboard.press('Enter');
  await page.waitForURL('**q=**');
  assert.deepEqual(await names(page), await list(`passed=true&q=${encodeURIComponent(first)}`));
  await page.getByLabel('Find a candidate by name or email').fill('nobody at all');
  await page.keyboard.press('Enter');
  await page.getByText('Nobody matches').waitFor();
  await page.getByRole('link', { name: 'Show all candidates' }).click();
  await page.waitForURL((url) => !url.search.includes('q='));
});

test('a decision makes a ranked shortlist, and the files hold what the table shows', async (t) => {
  const { s, who, ask, assessment, results } = await example(t, 60);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page, who);
  await page.goto(results);
  const best = (await names(page)).slice(0, 2);
  await page.locator('.cands .who').first().click();
  await page.waitForURL('**/app/submissions/**');
  await page.getByRole('button', { name: 'Shortlist' }).click();
  await page.locator('button[aria-pressed="true"]', { hasText: 'Shortlist' }).waitFor();
  await page.getByText('Dana Moreau,').waitFor();
  await page.getByRole('textbox', { name: /^Note/ }).fill('Call on Monday');
  const asked = page.waitForEvent('dialog').then(async (d) => { await d.dismiss(); return d.type(); });
  await page.locator('[data-after]').click();
  assert.equal(await asked, 'beforeunload', 'a note that is not saved is not lost unasked');
  await page.getByRole('textbox', { name: /^Tags/ }).fill('remote\nsenior');
  await page.getByRole('button', { name: 'Save note and tags' }).click();
  await page.locator('#toasts').getByText('Saved').waitFor();

  await page.keyboard.press(']'); // the next candidate of the list
  await page.waitForFunction((name) => document.querySelector('h1')?.textContent === name, best[1]);
  await page.getByRole('button', { name: 'Shortlist' }).click();
  await page.locator('button[aria-pressed="true"]', { hasText: 'Shortlist' }).waitFor();
  await page.keyboard.press('j');
  const { tag, seen } = await focused(page);
  assert.deepEqual({ tag, seen }, { tag: 'summary', seen: true });

  await page.goto(results);
  await page.getByRole('link', { name: 'Shortlist', exact: true }).click();
  await page.getByRole('heading', { name: 'Shortlist' }).waitFor();
  assert.deepEqual(await names(page), best);
  assert.deepEqual(await page.locator('.cands .rk').allTextContents(), ['1', '2']);
  for (const kind of ['CSV', 'XLSX', 'NDJSON']) {
    const waiting = page.waitForEvent('download');
    await page.getByRole('link', { name: kind, exact: true }).click();
    const file = await waiting;
    assert.match(file.suggestedFilename(), new RegExp(`\\(filtered\\)\\.${kind.toLowerCase()}$`));
    if (kind === 'XLSX') continue;
    const lines = (await readFile(await file.path(), 'utf8')).trim().split('\n');
    assert.equal(lines.length, kind === 'CSV' ? 3 : 2);
    for (const name of best) assert.ok(lines.some((line) => line.includes(name)), `${name} in the ${kind}`);
  }
  const { items } = await ask('GET', `/assessments/${assessment.id}/submissions?decision=shortlist`);
  assert.deepEqual(items.map((i) => i.candidate.name), best);
});

test('results are released once it is said to whom and what they will see, and taken back', async (t) => {
  const { s, who, ask, assessment, results } = await example(t, 40);
  await ask('PATCH', `/assessments/${assessment.id}`, { resultRelease: 'none' }, { headers: { 'If-Match': assessment.etag } });
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page, who);
  await page.goto(results);
  await page.getByRole('button', { name: /^Release \d+ results$/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('people who finished can see this at once').waitFor();
  assert.equal((await focused(page)).name, 'Keep it as it is');
  await axe(page, 'the dialog of the release');
  await dialog.getByRole('radio', { name: /^Passed or not/ }).check();
  await dialog.getByRole('button', { name: /^Release/ }).click();
  await page.getByText('Candidates see whether they passed, since').waitFor();
  assert.equal((await ask('GET', `/assessments/${assessment.id}`)).resultRelease, 'passed');
  await page.getByRole('button', { name: 'Stop showing results' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Stop showing results' }).click();
  await page.getByText('Candidates see nothing of their results yet.').waitFor();
  assert.equal((await ask('GET', `/assessments/${assessment.id}`)).resultRelease, 'none');
});

test('who is still at it gets extra time, and a submission is voided with its reason', async (t) => {
  const { s, who, ask, assessment, results } = await example(t, 60);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page, who);
  const { items: [running] } = await ask('GET', `/assessments/${assessment.id}/submissions?status=in_progress`);
  await page.goto(`/app/submissions/${running.id}`);
  await page.getByText('In progress,').waitFor();
  await page.getByLabel('Per cent of the time limit, in all').fill('50');
  await page.locator('#reason').fill('Asked for it');
  await page.getByRole('button', { name: 'Give extra time' }).click();
  await page.locator('#toasts').getByText('Extra time given').waitFor();
  assert.equal((await ask('GET', `/submissions/${running.id}`)).extraTimePercent, 50);

  await page.getByRole('button', { name: 'Void' }).click();
  const dialog = page.getByRole('dialog');
  assert.equal((await focused(page)).name, 'Keep it');
  await dialog.getByLabel('Reason').fill('Taken twice');
  await dialog.getByRole('button', { name: 'Void it' }).click();
  await page.waitForURL(`**${results}`);
  assert.equal((await ask('GET', `/submissions/${running.id}`, undefined, { fails: true })).status, 404);
});

for (const theme of ['light', 'dark']) {
  test(`nothing keeps anybody out, on a laptop and on a phone (${theme})`, async (t) => {
    const { s, who, ask, assessment, results } = await example(t, 40);
    const fresh = await ask('POST', '/assessments', { title: 'Nobody yet' });
    const { items: [one] } = await ask('GET', `/assessments/${assessment.id}/submissions?passed=false`);
    const { items: [running] } = await ask('GET', `/assessments/${assessment.id}/submissions?status=in_progress`);
    const sums = await Promise.all((await ask('GET', '/assessments')).items.map(async ({ id }) => ({ id, ...(await ask('GET', `/assessments/${id}/results`)) })));
    const few = sums.find(({ counts }) => counts.total > 0 && counts.submitted + counts.expired < 10);
    const { questionId } = sums.find(({ id }) => id === assessment.id).items.find((i) => i.type === 'multiple_choice');
    const { open } = await browser(t, { url: s.url, theme });
    for (const width of [1440, 390, 320]) {
      const page = await open({ width });
      await login(page, who);
      for (const [name, path] of Object.entries({
        results, empty: `/app/assessments/${fresh.id}/results`, nobody: `${results}?q=nobody+at+all`, shortlist: `${results}?decision=shortlist`,
        few: `/app/assessments/${few.id}/results`, choices: `${results}?choices=${questionId}`,
        one: `/app/submissions/${one.id}`, running: `/app/submissions/${running.id}`,
      })) {
        await page.goto(path);
        await noSideways(page, `${name} at ${width}`);
        if (width !== 320) await axe(page, `${name} at ${width}`);
      }
      await page.context().close();
    }
  });
}

test('on paper a submission shows every question and nothing to press', async (t) => {
  const { s, who, ask, assessment } = await example(t, 30);
  const { items: [one] } = await ask('GET', `/assessments/${assessment.id}/submissions?status=submitted`);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page, who);
  await page.goto(`/app/submissions/${one.id}`);
  await page.emulateMedia({ media: 'print' });
  await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
  const all = page.locator('details.answer');
  assert.equal(await page.locator('details.answer[open]').count(), await all.count());
  for (const pressed of await page.locator('main :is(button, input, textarea, select)').all()) assert.equal(await pressed.isVisible(), false, await pressed.innerText());
  await page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
  assert.ok((await page.locator('details.answer[open]').count()) < (await all.count()));
});
