// The door.
const wrong = async (page) => {
  await page.locator('[name="email"]').fill('dana@meridian-robotics.example');
  await page.locator('[name="password"]').fill('not the password');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
};

const short = async (page) => {
  for (const [name, text] of [['organizationName', 'Tessera Freight'], ['name', 'Ines Okafor'], ['email', 'ines@tessera-freight.example'], ['password', 'short']]) await page.locator(`[name="${name}"]`).fill(text);
  await page.locator('main form').evaluate((form) => { form.noValidate = true; });
  await page.keyboard.press('Enter');
  await page.locator('[aria-invalid="true"]').first().waitFor();
};
const invitation = ({ once }) => once('invitation', async ({ ask }) => new URL((await ask('POST', '/members', { email: 'grace.amadi@example.com', role: 'recruiter' })).acceptUrl).pathname);

export default [
  { name: 'register', path: '/app/register', alone: true, ends: true },
  { name: 'register-error', path: '/app/register', alone: true, act: short },
  { name: 'register-closed', path: '/app/register', as: 'nobody' },
  { name: 'login', path: '/app/login', as: 'nobody', ends: true },
  { name: 'login-ended', path: '/app/settings/keys', as: 'nobody' },
  { name: 'invitation', path: invitation, as: 'nobody' },
  { name: 'invitation-unknown', path: '/app/invitations/none', as: 'nobody' },
  { name: 'password-reset-unknown', path: '/app/password/reset?token=none', as: 'nobody' },
  { name: 'login-error', path: '/app/login', as: 'nobody', act: wrong },
  { name: 'password-forgot', path: '/app/password/forgot', as: 'nobody' },
];
