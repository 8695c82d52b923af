// The four pictures of the README, from the example employer: { name, path, act, width, height, theme }.
import { backend, start } from './shots-lib.mjs';

const answer = async (page) => {
  await start(page);
  const options = page.locator('article[data-q]:not([hidden]) .opt');
  while (await options.count() < 3) await page.locator('[data-next]:visible').click(); // each candidate has an order of their own
  await options.nth(1).click();
  await page.locator('[data-save]').filter({ hasText: /^Saved/ }).waitFor();
};
const question = async (ctx) => {
  const page = await backend()(ctx);
  const { items } = await ctx.ask('GET', `${page.replace('/app', '')}/questions?limit=50`);
  return `${page}?q=${items.find((q) => q.type === 'multiple_choice').id}`;
};
const landing = async (ctx) => `/a/${(await ctx.ask('GET', (await backend()(ctx)).replace('/app', ''))).slug}`;

export const pictures = [
  { name: 'assessments', path: '/app/assessments', width: 1280, height: 720, theme: 'light' },
  { name: 'editor', path: question, width: 1280, height: 720, theme: 'light' },
  { name: 'results', path: backend('/results'), width: 1280, height: 720, theme: 'dark' },
  { name: 'test-on-a-phone', path: landing, as: 'nobody', act: answer, width: 390, height: 720, theme: 'light' },
];
