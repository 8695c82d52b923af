// The door.
const wrong = async (page) => {
  await page.locator('[name="email"]').fill('dana@meridian-robotics.example');
  await page.locator('[name="password"]').fill('not the password');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
};

export default [
  { name: 'register', path: '/app/register', alone: true },
  { name: 'login', path: '/app/login', as: 'nobody' },
  { name: 'login-error', path: '/app/login', as: 'nobody', act: wrong },
  { name: 'password-forgot', path: '/app/password/forgot', as: 'nobody' },
];
