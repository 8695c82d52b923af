// What strangers and members type is text in a real browser too: where the server writes the page, and where a script does. Nothing
// of it becomes an element, asks for anything, or runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, login, noSideways, owner, server, signUp } from './lib.mjs';

const markup = `'"></script></textarea></title><qzx onqzx=1><img src=qzx onerror=qzx()>`;
const fenced = `${markup} [l](javascript:qzx()) ![p](https://qzx.example/p.png)\n\n\`\`\`"><qzx>\n</code></pre>${markup}\n\`\`\`\n\n${markup}`;
const label = '"><qzx>';

// caught lists what a page must never have: an element that somebody typed, a refusal by the policy, a call of qzx.
async function guarded(page) {
  await page.addInitScript(() => {
    globalThis.caught = [];
    globalThis.qzx = () => { globalThis.caught.push('it ran'); };
    const bad = 'qzx, img, iframe, object, embed, base, [onqzx], [onerror]';
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) {
        for (const node of addedNodes) {
          if (node instanceof Element && (node.matches(bad) || node.querySelector(bad))) globalThis.caught.push(node.outerHTML.slice(0, 300));
        }
      }
    }).observe(document, { childList: true, subtree: true });
    document.addEventListener('securitypolicyviolation', (e) => globalThis.caught.push(`${e.violatedDirective} refused ${e.blockedURI} ${e.sample}`));
  });
  const dialogs = [];
  page.on('dialog', (dialog) => {
    if (dialog.type() !== 'beforeunload') dialogs.push(`${dialog.type()} ${dialog.message()}`); // asked on leaving unsent work
    void dialog.accept();
  });
  return async (name) => {
    assert.deepEqual(await page.evaluate(() => globalThis.caught), [], name);
    assert.deepEqual(dialogs, [], name);
  };
}

const mail = (n) => `p${n}@example.org`;

// stage fills everything and gives the addresses of what it made.
async function stage(t) {
  const s = await server(t, { env: { CREDLANE_REGISTRATION: 'open', CREDLANE_RATE_START_ADDRESS: '1000/1h' } });
  const ask = await signUp(s, { ...owner, employer: `Org ${markup}`, name: `Owner ${markup}` });
  const a = await ask('POST', '/assessments', { title: `Title ${markup}`, description: fenced });
  await ask('PATCH', `/assessments/${a.id}`, { resultRelease: 'review' }, { headers: { 'If-Match': '*' } });
  await ask('PATCH', '/employer', { privacyNotice: fenced });
  const common = { prompt: fenced, explanation: fenced, tags: [label], difficulty: label };
  const options = [{ id: 'a', text: markup }, { id: 'b', text: fenced }];
  for (const q of [
    { type: 'single_choice', options, answerKey: { optionId: 'b' } }, { type: 'multiple_choice', options, answerKey: { optionIds: ['a'] } },
    { type: 'short_text', answerKey: { accepted: [markup] } },
  ]) await ask('POST', `/assessments/${a.id}/questions`, { ...common, ...q });
  await ask('POST', `/assessments/${a.id}/publish`);
  await ask('POST', '/api-keys', { name: `Key ${markup}`, role: 'viewer' });
  const hook = await ask('POST', '/webhooks', { url: `https://hooks.example.com/in?a='><qzx>`, eventTypes: ['submission.scored'], description: markup });
  const { results } = await ask('POST', `/assessments/${a.id}/invites`, { invites: [{ email: mail(0), name: markup }], message: markup });
  const take = async (n, name = markup) => {
    const to = `${s.url}/api/v1/public`;
    const begun = await fetch(`${to}/assessments/${a.slug}/submissions`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name, email: mail(n), consent: true }),
    });
    assert.equal(begun.status, 201, await begun.clone().text());
    const { submissionToken, submission, questions } = await begun.json();
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${submissionToken}` };
    const text = questions.find((q) => !q.options?.length);
    await fetch(`${to}/submission/answers/${text.id}`, { method: 'PUT', headers, body: JSON.stringify({ answer: markup, sequence: 1 }) });
    await fetch(`${to}/submission/submit`, { method: 'POST', headers });
    return submission.id;
  };
  let one;
  for (let n = 1; n <= 11; n++) one = await take(n);
  await ask('PATCH', `/submissions/${one}`, { decision: 'hold', note: markup, tags: [label] });
  return { s, ask, a, hook, one, take, invite: new URL(results[0].invite.url).pathname };
}

test('nothing that somebody typed runs in a member\'s browser', async (t) => {
  const { s, ask, a, hook, one, take } = await stage(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  const clean = await guarded(page);
  await login(page);
  const at = `/app/assessments/${a.id}`;
  for (const where of ['/app/assessments', at, `${at}/preview`, `${at}/preview?n=3`, `${at}/versions`, `${at}/versions/1`, `${at}/import`, `${at}/invites`, `${at}/results`,
    `/app/submissions/${one}`, '/app/settings/profile', '/app/settings/organization', '/app/settings/keys', '/app/settings/webhooks', `/app/settings/webhooks/${hook.id}`,
    '/app/settings/sessions', '/app/settings/audit']) {
    await page.goto(where, { waitUntil: 'networkidle' });
    await clean(where);
    await page.setViewportSize({ width: 320, height: 700 });
    await noSideways(page, where);
    await page.setViewportSize({ width: 1440, height: 900 });
  }

  await t.test('not in the feed, as it comes', async () => {
    const listens = page.waitForResponse((r) => r.url().includes('/app/activity/stream'));
    await page.goto('/app/activity');
    await listens;
    await take(50, `Live ${markup}`);
    await page.locator('#feed > li').filter({ hasText: 'Live' }).first().waitFor();
    await clean('the feed');
  });
  await t.test('not in the palette', async () => {
    await page.keyboard.press('Control+k');
    await page.keyboard.type('Title');
    await page.getByRole('option', { name: /Title/ }).first().waitFor();
    await clean('the palette');
    await page.keyboard.press('Escape');
  });
  await t.test('not in a file that is dropped', async () => {
    await page.goto(`${at}/import`);
    const cell = (text) => `"${text.replaceAll('"', '""')}"`;
    const rows = [['question', 'a', 'b', 'answer'], [markup, markup, label, 'Z'], [fenced, label, markup, markup]].map((r) => r.map(cell).join(',')).join('\n');
    await page.locator('#import-file').setInputFiles({ name: `bank'"><qzx>.csv`, mimeType: 'text/csv', buffer: Buffer.from(`${rows}\n`) });
    await page.getByRole('textbox', { name: /^Row 2, column D/ }).fill(markup);
    await page.getByText('qzx').first().waitFor();
    await clean('the import');
  });
  await t.test('not in a list that is pasted', async () => {
    await page.goto(`${at}/invites`);
    await page.getByLabel('E-mail addresses').fill(`${markup}\n${label} <new@example.org>\n${markup},x@example,com\n"${markup}" <y@example.org>`);
    await page.locator('#invite-parsed').getByText('ready').first().waitFor();
    await clean('the pasted list');
    await page.getByRole('button', { name: /^Make \d+ invites?$/ }).click();
    await page.locator('.toast').filter({ hasText: 'invited' }).waitFor();
    await clean('the invites made of it');
  });
  await t.test('not in what a save refuses, and not while it is written', async () => {
    await page.goto(at, { waitUntil: 'networkidle' });
    const shown = page.waitForResponse((r) => r.url().endsWith('/app/markdown'));
    const prompt = page.locator('textarea[data-md]').first();
    await prompt.fill(`${fenced}\n\n**more** ${markup}`);
    await shown;
    await page.locator('strong', { hasText: 'more' }).first().waitFor();
    await clean('the editor');
    const { items } = await ask('GET', `/assessments/${a.id}/questions`);
    assert.ok(items.length >= 3);
  });
});

test('nothing that somebody typed runs in a candidate\'s browser', async (t) => {
  const { s, a, invite } = await stage(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open({ width: 390, mobile: true });
  const clean = await guarded(page);
  for (const where of [`/a/${a.slug}`, invite, `/a/${a.slug}?as=other`]) {
    await page.goto(where, { waitUntil: 'networkidle' });
    await clean(where);
    await noSideways(page, where);
  }
  await page.goto(`/a/${a.slug}`);
  await page.locator('[name="name"]').fill(markup);
  await page.locator('[name="email"]').fill('worst@example.org');
  await page.locator('[name="consent"]').check();
  await page.locator('main form button[type="submit"]').first().click();
  await page.waitForURL('**/take');
  await clean('the test');
  await noSideways(page, 'the test');
  const text = page.locator('[data-question] textarea, [data-question] input[type="text"], main textarea, main input[type="text"]');
  for (let n = 0; n < 3; n++) {
    if (await text.locator('visible=true').count()) {
      const saved = page.waitForResponse((r) => r.request().method() === 'PUT' && r.ok());
      await text.locator('visible=true').first().fill(markup);
      await saved;
    }
    await clean(`question ${n + 1}`);
    if (n < 2) await page.getByRole('button', { name: /^Next/ }).click();
  }
  await page.goto('/take', { waitUntil: 'networkidle' });
  await clean('the test, read again');
  await page.goto('/take/finish', { waitUntil: 'networkidle' });
  await page.locator('main form button[type="submit"]').last().click();
  await page.waitForURL('**/take/result');
  await page.locator('body', { hasText: 'qzx' }).waitFor();
  await clean('the result');
  await noSideways(page, 'the result');
  await page.goto('/take/data', { waitUntil: 'networkidle' });
  await clean('the data');
  await noSideways(page, 'the data');
});
