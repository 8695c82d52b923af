// The test: a question, without a network, the list on a phone, the summary before handing in, and handed in.
import { published, start } from '../shots-lib.mjs';

const landing = async (ctx) => `/a/${(await published(ctx)).slug}`;
const page = (name, act, more = {}) => ({ name, path: landing, fresh: true, as: 'nobody', whole: false, act, ...more });

const first = async (p) => {
  await start(p);
  await p.locator('#q1 .opt').first().click();
  await p.locator('[data-save]').filter({ hasText: /^Saved/ }).waitFor();
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

export default [
  page('take', first),
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
