// What the settings have of their own: switches that save themselves, a secret that is shown once, the look, and the notice as
// candidates see it.

import type { Problem } from './lib/api.ts';
import { on } from './lib/dom.ts';
import { clearErrors, sentence } from './lib/form.ts';
import { toast } from './lib/toast.ts';

// On a phone the list of pages is a row that scrolls.
// Not by scrollIntoView, which would also move where the Tab key begins.
const here = document.querySelector<HTMLElement>('.subnav [aria-current]');
if (here?.parentElement) {
  const list = here.parentElement;
  list.scrollLeft += here.getBoundingClientRect().left - list.getBoundingClientRect().left - (list.clientWidth - here.offsetWidth) / 2;
}

// A form with data-autosend goes out when a field of it changes; when it is refused or given up, the field is as before.
document.addEventListener('change', ({ target }) => {
  const form = target instanceof Element ? target.closest<HTMLFormElement>('form[data-autosend]') : null;
  form?.requestSubmit();
});
document.addEventListener('api:failed', (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.dataset.autosend === undefined) return;
  form.reset();
  const problem = (event as CustomEvent<Problem>).detail;
  // There is no room for a notice beside a single field.
  queueMicrotask(() => {
    clearErrors(form);
    toast(sentence(problem), { tone: 'bad' });
    form.querySelector<HTMLElement>('select, input')?.focus();
  });
});
document.addEventListener('api:declined', ({ target }) => {
  if (target instanceof HTMLFormElement && target.dataset.autosend !== undefined) target.reset();
});

// ---- A secret is shown once, in place

document.addEventListener('api:done', (event) => {
  const source = event.target;
  if (!(source instanceof HTMLElement)) return;
  const data = ((event as CustomEvent).detail ?? {}) as Record<string, unknown>;
  if (source.dataset.invite !== undefined) {
    show(`${String(data.email)} is invited.`, data.acceptUrl);
    return;
  }
  const member = source.dataset.secret;
  if (!member) return;
  const what = typeof data.name === 'string' ? `“${data.name}” is ready.` : 'The secret is ready.';
  show(`${what} Copy it now, it is not shown again.`, data[member]);
});

function show(title: string, secret: unknown): void {
  const box = document.getElementById('secret');
  const heading = document.getElementById('secret-title');
  const value = document.getElementById('secret-value');
  if (!box || !heading || !value || typeof secret !== 'string') return;
  heading.textContent = title;
  value.textContent = secret;
  box.hidden = false;
  // After the dialog has given the focus back to its button.
  requestAnimationFrame(() => {
    heading.focus();
    box.scrollIntoView({ block: 'nearest' });
  });
}

on('click', '[data-secret-done]', (button) => {
  const box = button.closest<HTMLElement>('#secret');
  if (!box) return;
  box.hidden = true;
  document.getElementById('secret-value')?.replaceChildren();
  document.getElementById('main')?.focus();
});

// ---- The look

const year = 365 * 24 * 60 * 60;

document.addEventListener('change', ({ target }) => {
  if (!(target instanceof HTMLInputElement) || target.dataset.themeChoice === undefined) return;
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  if (target.value) document.documentElement.dataset.theme = target.value;
  else delete document.documentElement.dataset.theme;
  document.cookie = `theme=${target.value}; Path=/; Max-Age=${target.value ? year : 0}; SameSite=Lax${secure}`;
});

// ---- The notice as candidates see it

const pause = 400; // milliseconds without typing

let waiting = 0;
let current: AbortController | null = null;

document.addEventListener('input', ({ target }) => {
  if (!(target instanceof HTMLTextAreaElement) || !target.dataset.preview) return;
  clearTimeout(waiting);
  waiting = window.setTimeout(() => void preview(target), pause);
});

async function preview(field: HTMLTextAreaElement): Promise<void> {
  current?.abort();
  const mine = (current = new AbortController());
  const shown = document.getElementById('notice-preview');
  try {
    const answer = await fetch(field.dataset.preview ?? '', {
      method: 'POST', body: new URLSearchParams({ notice: field.value }), credentials: 'same-origin', signal: mine.signal,
    });
    if (!answer.ok || answer.redirected) return; // saving it says what is wrong
    const html = await answer.text();
    if (!mine.signal.aborted && shown) shown.innerHTML = html;
  } catch (err) {
    if (!mine.signal.aborted && !(err instanceof TypeError)) throw err; // without a network the preview waits for the next key
  }
}
