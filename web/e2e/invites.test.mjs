// Invites: people are pasted, mended and invited; each one's link works; many are changed at once.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import * as esbuild from 'esbuild';
import { axe, browser, focused, login, noSideways, root, server, signUp } from './lib.mjs';

async function stage(t) {
  const s = await server(t);
  const ask = await signUp(s);
  const a = await ask('POST', '/assessments', { title: 'Networking' });
  await ask('POST', `/assessments/${a.id}/questions`, { type: 'true_false', prompt: 'Is it?', answerKey: { value: true } });
  await ask('POST', `/assessments/${a.id}/publish`);
  return { s, ask, a, at: `/app/assessments/${a.id}/invites` };
}

test('a list is pasted as it is, its bad line mended, and everybody invited', async (t) => {
  const { s, ask, a, at } = await stage(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page);
  await page.goto(at);
  await page.getByRole('heading', { name: 'Nobody is invited yet' }).waitFor();
  await axe(page, 'no invites');
  const box = page.getByLabel('E-mail addresses');
  await box.fill(['mina.fairweather@example.org', 'Leila Haddad <leila.h@example.com>', '"Brandt, Nadia" <nadia@example.net>; p.okonkwo@example.com',
    'j.osei@example,com', 'no address at all', 'MINA.fairweather@example.org'].join('\n'));
  const parsed = page.locator('#invite-parsed');
  await parsed.getByText('4 ready').waitFor();
  assert.match(await parsed.textContent(), /One stands here twice.*Line 4: j\.osei@example,com has a comma where a dot should be\..*Line 5: no address at all is not an e-mail address\./s);
  await axe(page, 'pasted');
  await parsed.getByRole('button', { name: 'Use j.osei@example.com' }).click();
  await parsed.getByText('5 ready').waitFor();
  await page.getByText('+25%', { exact: true }).first().click();
  await page.getByLabel(/^Reason/).first().fill('Asked for it');
  await page.getByRole('button', { name: 'Make 5 invites' }).click();
  await page.locator('.toast').filter({ hasText: '5 invited.' }).waitFor();
  assert.equal(await box.inputValue(), 'no address at all', 'what did not go is kept');
  await page.locator('[data-invite]').nth(4).waitFor();
  await axe(page, 'invited');

  const { items } = await ask('GET', `/assessments/${a.id}/invites`);
  assert.deepEqual(items.map((i) => [i.email, i.name, i.extraTimePercent]).sort(), [
    ['j.osei@example.com', '', 25], ['leila.h@example.com', 'Leila Haddad', 25], ['mina.fairweather@example.org', '', 25],
    ['nadia@example.net', 'Brandt, Nadia', 25], ['p.okonkwo@example.com', '', 25],
  ]);
  await box.fill('mina.fairweather@example.org\nnew@example.org');
  await page.getByRole('button', { name: 'Make 2 invites' }).click();
  await page.locator('.toast').filter({ hasText: '1 invited, 1 already invited, skipped.' }).waitFor();
});

test('more people than one call takes go in batches', async (t) => {
  const { s, at, a } = await stage(t);
  const { open } = await browser(t, { url: s.url });
  const page = await open();
  await login(page);
  await page.goto(at);
  let calls = 0;
  page.on('request', (r) => { if (r.method() === 'POST' && r.url().endsWith(`/assessments/${a.id}/invites`)) calls++; });
  // As a paste puts it there; typed line by line, 2,100 of them take the browser minutes.
  await page.getByLabel('E-mail addresses').evaluate((box) => {
    box.value = Array.from({ length: 2100 }, (_, i) => `person${i}@example.com`).join('\n');
    box.dispatchEvent(new Event('input', { bubbles: true }));
  });
  await page.getByRole('button', { name: 'Make 2100 invites' }).click();
  await page.locator('.toast').filter({ hasText: '2100 invited.' }).waitFor();
  assert.equal(calls, 3);
});

test('what is typed while the invites go is kept', async (t) => {
  const { s, at, a } = await stage(t);
  const { open } = await browser(t, { url: s.url, allow: [/401/] });
  const page = await open();
  await login(page);
  await page.goto(at);
  const box = page.getByLabel('E-mail addresses');
  let go;
  const arrived = new Promise((resolve) => {
    void page.route(`**/api/v1/assessments/${a.id}/invites`, async (route) => {
      await new Promise((released) => { go = released; resolve(); });
      await route.continue();
    }, { times: 1 });
  });
  await box.fill('ann@example.com\nbob@example.com');
  await page.getByRole('button', { name: 'Make 2 invites' }).click();
  await arrived;
  await box.fill('late@example.com\nann@example.com\nbob@example.com');
  go();
  await page.locator('.toast').filter({ hasText: '2 invited.' }).waitFor();
  assert.equal(await box.inputValue(), 'late@example.com');

  // The session ends in mid-work: it is said in words for people, and nothing is lost.
  const cookies = await page.context().cookies();
  await page.context().clearCookies();
  await page.getByRole('button', { name: 'Make 1 invite', exact: true }).click();
  await page.getByText('You were signed out. Nobody was invited. 1 is still in the box. Sign in in another tab, then send again.').waitFor();
  await page.context().addCookies(cookies);
});

test('a long line keeps nobody waiting, and tables are read by their headings', async () => {
  const built = await esbuild.build({ entryPoints: [path.join(root, 'web/src/invites/parse.ts')], bundle: true, write: false, format: 'esm' });
  const { parse } = await import(`data:text/javascript,${encodeURIComponent(built.outputFiles[0].text)}`);
  const begun = performance.now();
  for (const text of ['a'.repeat(200_000), 'a@'.repeat(100_000), 'a@b '.repeat(50_000), '<'.repeat(200_000), '"'.repeat(200_001)]) parse(text);
  assert.ok(performance.now() - begun < 10_000, `${performance.now() - begun} ms`);

  const table = parse('Last name;First name;E-mail\nLovelace;Ada;ada@example.com\n"Hopper; G.";Grace;grace@example.com\nNobody;;\n');
  assert.deepEqual(table.people.map((p) => [p.line, p.name, p.email]), [[2, 'Ada Lovelace', 'ada@example.com'], [3, 'Grace Hopper; G.', 'grace@example.com']]);
  assert.deepEqual(table.bad.map((b) => b.line), [4]);
  const loose = parse('Ada Lovelace, ada@example.com\nbob@example.com cy@example.com\nbob@@example.com\nbob@example\nbob@example.com.\nmailto:dee@example.com');
  assert.deepEqual(loose.people.map((p) => [p.email, p.name]), [['ada@example.com', 'Ada Lovelace'], ['bob@example.com', ''], ['cy@example.com', ''], ['dee@example.com', '']]);
  assert.deepEqual(loose.bad.map((b) => [b.line, b.fix]), [[3, undefined], [4, undefined], [5, 'bob@example.com']]);

  // As Outlook copies people, and as a file without headings has them.
  const names = (text) => parse(text).people.map((p) => [p.email, p.name]);
  assert.deepEqual(names('Doe, Jane <jane@example.com>; Roe, Rich <rich@example.com>; Ann <ann@example.com>'),
    [['jane@example.com', 'Jane Doe'], ['rich@example.com', 'Rich Roe'], ['ann@example.com', 'Ann']]);
  assert.deepEqual(parse('Doe, Jane <jane@example.com>; Roe, Rich <rich@example.com>').bad, []);
  assert.deepEqual(names('"Roe, Rich" <rich@example.com>, bob@example.com'), [['rich@example.com', 'Roe, Rich'], ['bob@example.com', '']]);
  assert.deepEqual(names('jane@example.com,Jane Doe\nbob@example.com,Bob'), [['jane@example.com', 'Jane Doe'], ['bob@example.com', 'Bob']]);
  assert.deepEqual(parse('bob@mail.example,com\nrich@example,org').bad.map((b) => b.fix), ['bob@mail.example.com', 'rich@example.org']);
  assert.deepEqual(parse('Name,Email\nJane,jane@example.com\n,,\n').bad, []);
});

test('one invite is given time, a later end, another link, and is revoked', async (t) => {
  const { s, ask, a, at } = await stage(t);
  const { results } = await ask('POST', `/assessments/${a.id}/invites`, { invites: [{ email: 'ann@example.com', name: 'Ann' }, { email: 'bob@example.com', name: 'Bob' }, { email: 'cy@example.com', name: 'Cy' }] });
  const { open } = await browser(t, { url: s.url, allow: [/422/] });
  const page = await open();
  await login(page);
  await page.goto(at);
  const row = (who) => page.locator(`[data-who="${who}"]`);
  const more = async (who, what) => {
    await page.getByRole('button', { name: `More for ${who}` }).click();
    await row(who).getByRole('button', { name: what, exact: true }).click();
  };
  await more('Ann', 'Extra time');
  const dialog = page.getByRole('dialog', { name: 'Extra time for Ann' });
  await dialog.getByText('+50%').click();
  await dialog.getByText('45 min', { exact: true }).waitFor();
  await axe(page, 'extra time');
  await dialog.getByRole('button', { name: 'Save extra time' }).click();
  assert.equal((await focused(page)).id, 'time-reason', 'the focus goes to what is missing');
  await axe(page, 'extra time without a reason');
  await dialog.getByLabel('Reason').fill('A doctor says so');
  await dialog.getByRole('button', { name: 'Save extra time' }).click();
  await row('Ann').getByText('+50%').waitFor();

  await more('Ann', 'Another expiry');
  await page.getByLabel('The link works until').fill('2099-01-01T10:00');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog').getByText('a year from now at most').waitFor();
  const soon = new Date(Date.now() + 40 * 24 * 3600_000).toISOString().slice(0, 10);
  await page.getByLabel('The link works until').fill(`${soon}T10:00`);
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.equal((await ask('GET', `/invites/${results[0].invite.id}`)).expiresAt.slice(0, 10), soon);

  const old = results[0].invite.url;
  await more('Ann', 'New link');
  await page.getByRole('alertdialog').getByRole('button', { name: 'Make a new link' }).click();
  await page.locator('.toast').filter({ hasText: 'There is a new link' }).waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'More for Ann');
  assert.equal((await fetch(`${s.url}/api/v1/public/invites/${old.split('/').pop()}`)).status, 404);

  // Several at once: the question names them.
  await page.getByLabel('Select Bob').check();
  await page.getByLabel('Select Cy').check();
  await page.getByText('2 selected').waitFor();
  await axe(page, 'selected');
  await page.getByRole('button', { name: 'Revoke', exact: true }).click();
  const sure = page.getByRole('alertdialog', { name: 'Revoke 2 invites?' });
  await sure.getByText(/Bob/).waitFor();
  assert.equal((await focused(page)).name, 'Keep them');
  await sure.getByRole('button', { name: 'Revoke 2 invites' }).click();
  await row('Bob').getByText('Revoked').first().waitFor();
  await row('Cy').getByText('Revoked').first().waitFor();
  await page.locator('#bulk').waitFor({ state: 'hidden' });
  await page.waitForFunction(() => document.activeElement?.id === 'tick-all'); // the button that was pressed is gone
});

test('the page of invites stands at every width and in both themes', async (t) => {
  const { s, ask, a, at } = await stage(t);
  await ask('POST', `/assessments/${a.id}/invites`, { invites: [{ email: `${'long'.repeat(15)}@${'example'.repeat(7)}.com`, name: 'Somebody With A Very Long Name Indeed'.repeat(3) }, { email: 'bob@example.com' }] });
  const { open } = await browser(t, { url: s.url });
  for (const theme of ['light', 'dark']) {
    for (const width of [1440, 1000, 390, 320]) {
      const page = await open({ theme, width });
      await login(page);
      await page.goto(at);
      await axe(page, `invites ${theme} ${width}`);
      await noSideways(page, `invites ${theme} ${width}`);
      await page.context().close();
    }
  }
});
