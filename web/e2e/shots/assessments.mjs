// The list, its empty start, the feed.
import { at } from '../shots-lib.mjs';

const dialog = async (page) => {
  await page.keyboard.press('n');
  await page.getByRole('dialog').waitFor();
};
const palette = async (page) => {
  await page.keyboard.press('Control+k');
  await page.getByRole('option').first().waitFor();
};

export default [
  { name: 'assessments', path: '/app/assessments' },
  { name: 'assessments-empty', path: '/app/assessments', fresh: true },
  { name: 'assessments-none-found', path: '/app/assessments?q=nothing-by-this-name' },
  { name: 'assessments-new', path: '/app/assessments', act: dialog, whole: false },
  { name: 'assessments-palette', path: '/app/assessments', act: palette, whole: false },
  { name: 'assessments-keys', path: '/app/assessments', whole: false, act: async (page) => { await page.keyboard.press('?'); await page.getByRole('dialog').waitFor(); } },
  { name: 'assessments-navigation', path: '/app/assessments', sizes: [390], whole: false, act: async (page) => { await page.locator('.menu-btn').click(); await page.locator('.side:popover-open').waitFor(); } },
  { name: 'activity', path: '/app/activity' },
  { name: 'activity-empty', path: '/app/activity', fresh: true },
  { name: 'not-found', path: '/app/assessments/00000000-0000-7000-8000-000000000000' },
  { name: 'versions', path: at('active', '/versions') },
  { name: 'version', path: at('active', '/versions/1') },
];
