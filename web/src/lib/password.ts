// data-reveal="ID" shows what is typed in a password field, and hides it again.

import { on } from './dom.ts';

export function startReveal(): void {
  on('click', '[data-reveal]', (button) => {
    const input = document.getElementById(button.dataset.reveal ?? '');
    if (!(input instanceof HTMLInputElement)) return;
    const show = input.type === 'password';
    input.type = show ? 'text' : 'password';
    button.setAttribute('aria-pressed', String(show));
  });
  // What is typed goes out hidden, so that no password manager takes it for plain text.
  document.addEventListener('submit', ({ target }) => {
    if (!(target instanceof HTMLFormElement)) return;
    for (const button of target.querySelectorAll<HTMLElement>('[data-reveal][aria-pressed="true"]')) button.click();
  }, true);
}
