// The list, its empty start, the feed.
const dialog = async (page) => {
  await page.keyboard.press('n');
  await page.getByRole('dialog').waitFor();
};
const palette = async (page) => {
  await page.keyboard.press('Control+k');
  await page.getByRole('option').first().waitFor();
};

const closing = async (page) => {
  await page.getByRole('button', { name: /^More actions for/ }).last().click();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await page.getByRole('alertdialog').waitFor();
};

export default [
  { name: 'assessments', path: '/app/assessments', ends: true },
  { name: 'assessments-menu', path: '/app/assessments', whole: false, act: (page) => page.getByRole('button', { name: /^More actions for/ }).last().click() },
  { name: 'assessments-close', path: '/app/assessments', whole: false, act: closing },
  { name: 'assessments-empty', path: '/app/assessments', fresh: true },
  { name: 'assessments-none-found', path: '/app/assessments?q=nothing-by-this-name' },
  { name: 'assessments-new', path: '/app/assessments', act: dialog, whole: false },
  { name: 'assessments-palette', path: '/app/assessments', act: palette, whole: false },
  { name: 'assessments-keys', path: '/app/assessments', whole: false, act: async (page) => { await page.keyboard.press('?'); await page.getByRole('dialog').waitFor(); } },
  { name: 'assessments-navigation', path: '/app/assessments', sizes: [390], whole: false, act: async (page) => { await page.locator('.menu-btn').click(); await page.locator('.side:popover-open').waitFor(); } },
  { name: 'activity', path: '/app/activity' },
  { name: 'activity-empty', path: '/app/activity', fresh: true },
  { name: 'not-found', path: '/app/assessments/00000000-0000-7000-8000-000000000000' },
];
