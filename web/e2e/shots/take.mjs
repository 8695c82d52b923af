// The test: a question, without a network, the list on a phone, the summary before handing in, and handed in.
import { published, start } from '../shots-lib.mjs';

const landing = async (ctx) => `/a/${(await published(ctx)).slug}`;
const page = (name, act, more = {}) => ({ name, path: landing, fresh: true, as: 'nobody', whole: false, act, ...more });

const first = async (p) => {
  const who = await start(p);
  await p.locator('#q1 .opt').first().click();
  await p.locator('[data-save]').filter({ hasText: /^Saved/ }).waitFor();
  return who;
};
const sheet = async (p) => {
  await p.locator('.r-foot [popovertarget="nav"]:visible').click();
  await p.locator('#nav:popover-open').waitFor();
};
const review = async (p) => {
  await first(p);
  if (p.viewportSize().width < 900) await sheet(p); // on a phone it stands in the sheet
  await p.locator('[data-review]:visible').first().click();
  await p.locator('#review').waitFor();
};

// deadline moves the end of the test to so many seconds from now.
const deadline = ({ sql }, { email }, seconds) => sql(`UPDATE submissions SET deadline_at = now() + interval '${seconds} seconds' WHERE email = '${email}'`);
const to = (n) => async (p) => {
  await start(p);
  for (let i = 1; i < n; i++) await p.locator('[data-next]').click();
  await p.locator(`#q${n}`).waitFor();
};
const soon = async (p, ctx) => {
  await deadline(ctx, await first(p), 275);
  await p.getByText('Less than 5 minutes left.').waitFor();
};
const up = async (p, ctx) => {
  await deadline(ctx, await first(p), 3);
  await p.getByRole('alertdialog', { name: 'Time is up, and your answers are in' }).waitFor();
};
const upOffline = async (p, ctx) => {
  await deadline(ctx, await first(p), 12);
  await p.locator('[data-clock].soon').waitFor();
  await p.context().setOffline(true);
  for (let i = 1; i < 4; i++) await p.locator('[data-next]').click();
  await p.locator('#q4 input.input').fill('access exclusive');
  await p.getByRole('alertdialog', { name: 'Time is up, and there is no connection' }).waitFor();
};
const back = async (p) => {
  await first(p);
  await p.context().setOffline(true);
  await p.locator('#q1 .opt').nth(1).click();
  await p.locator('[data-strip="offline"]').waitFor();
  await p.context().setOffline(false);
  await p.locator('[data-strip="offline"]').waitFor({ state: 'hidden' });
};

export default [
  page('take', first, { ends: true }),
  page('take-true-false', to(3)),
  page('take-text', to(4)),
  page('take-number', async (p) => { await to(5)(p); await p.locator('#q5 input.input').fill('about 8'); await p.locator('#q5 input.input').blur(); await p.getByText('This is not a number yet').waitFor(); }),
  page('take-flagged', async (p) => { await first(p); await p.locator('#q1 .flag').click(); }),
  page('take-all', async (p) => { await first(p); if (p.viewportSize().width < 900) await sheet(p); await p.getByLabel('Show all on one page').check(); if (p.viewportSize().width < 900) await p.keyboard.press('Escape'); }, { whole: true }),
  page('take-keys', async (p) => { await first(p); await p.keyboard.press('?'); await p.getByRole('dialog', { name: 'Keyboard' }).waitFor(); }, { sizes: [1440] }),
  page('take-back', back),
  page('take-soon', soon),
  page('take-up', up),
  page('take-up-offline', upOffline),
  page('take-right-to-left', async (p) => { await start(p); await p.locator('#q1 .opt').first().click(); await p.locator('[data-save]:not(.wait)').waitFor(); }, { locale: 'ar-XB' }),
  page('take-plain', (p) => start(p, { plain: true }), { js: false }),
  page('take-second', async (p) => { await first(p); await p.locator('[data-next]').click(); await p.locator('#q2').waitFor(); }),
  page('take-offline', async (p) => {
    await first(p);
    await p.context().setOffline(true);
    await p.locator('#q1 .opt').nth(1).click();
    await p.locator('[data-strip="offline"]').waitFor();
  }),
  page('take-sheet', async (p) => { await first(p); await sheet(p); }, { sizes: [390] }),
  page('take-review', review),
  page('take-sent', async (p) => { await review(p); await p.locator('#review [data-submit]').click(); await p.waitForURL('**/take/result'); }, { whole: true }),
];
