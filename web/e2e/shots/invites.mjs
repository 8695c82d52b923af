// Invites: empty, under way, and what was pasted.
import { at, published } from '../shots-lib.mjs';

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

export default [
  { name: 'invites', path: at('active', '/invites') },
  { name: 'invites-some', path: some, fresh: true },
  { name: 'invites-paste', path: some, fresh: true, act: paste },
];
