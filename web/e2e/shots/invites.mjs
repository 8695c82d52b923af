// Invites: empty, under way, and what was pasted.
import { at, backend, published } from '../shots-lib.mjs';

const some = async (ctx) => {
  const { id } = await published(ctx);
  await ctx.once('invited', ({ ask }) => ask('POST', `/assessments/${id}/invites`, { invites: [
    { email: 'kwame.ellison@example.com', name: 'Kwame Ellison' }, { email: 'saoirse.n@example.org', name: 'Saoirse Nakamura', extraTimePercent: 25 },
    { email: 't.reyes@example.net', name: 'Tomasz Reyes' }] }));
  return `/app/assessments/${id}/invites`;
};
const paste = async (page) => {
  await page.locator('.compose textarea').first().fill('mina.fairweather@example.org\nLeila Haddad <leila.h@example.com>\nj.osei@example,com\nmina.fairweather@example.org');
  await page.locator('.parsed li').first().waitFor();
};

const menu = (what, then) => async (page) => {
  await page.getByRole('button', { name: 'More for Kwame Ellison' }).click();
  if (what) await page.locator('[data-who="Kwame Ellison"]').getByRole('button', { name: what, exact: true }).click();
  if (then) await page.locator(then).waitFor();
};
const select = async (page) => {
  for (const who of ['Tomasz Reyes', 'Kwame Ellison']) await page.getByLabel(`Select ${who}`).check();
  await page.getByText('2 selected').waitFor();
};

export default [
  { name: 'invites-under-way', path: backend('/invites'), ends: true },
  { name: 'invites-menu', path: some, fresh: true, whole: false, act: menu() },
  { name: 'invites-extra', path: some, fresh: true, whole: false, act: menu('Extra time', 'dialog[open]') },
  { name: 'invites-expiry', path: some, fresh: true, whole: false, act: menu('Another expiry', 'dialog[open]') },
  { name: 'invites-selected', path: some, fresh: true, whole: false, act: select },
  { name: 'invites-revoke', path: some, fresh: true, whole: false, act: async (page) => {
    await select(page);
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByRole('alertdialog').waitFor();
  } },
  { name: 'invites', path: at('active', '/invites') },
  { name: 'invites-some', path: some, fresh: true },
  { name: 'invites-paste', path: some, fresh: true, act: paste },
];
