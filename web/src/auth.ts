// The pages in front of the sign-in. They work without this: it shows a password to who wants to see it, and that a form is on
// its way.

import { startReveal } from './lib/password.ts';
import { startTheme } from './lib/theme.ts';

startTheme();
startReveal();
for (const button of document.querySelectorAll<HTMLButtonElement>('[data-reveal]')) button.hidden = false;

for (const form of document.querySelectorAll<HTMLFormElement>('form[data-door]')) {
  const button = form.querySelector<HTMLButtonElement>('[data-busy]');
  if (!button) continue;
  const label = button.textContent ?? '';
  let sent = false;
  form.addEventListener('submit', (event) => {
    if (sent) event.preventDefault();
    if (sent) return;
    sent = true;
    const spin = document.createElement('span');
    spin.className = 'spin';
    button.setAttribute('aria-busy', 'true');
    button.replaceChildren(spin, button.dataset.busy ?? label);
  });
  // Who comes back by the browser's own button finds the form as it was.
  window.addEventListener('pageshow', () => {
    sent = false;
    button.removeAttribute('aria-busy');
    button.replaceChildren(label);
  });
}
