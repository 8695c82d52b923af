// The results and one submission: filters that act at once, keys to walk by, a running submission that follows along, and a
// print that has every question open.

import { on } from './lib/dom.ts';
import { register } from './lib/keys.ts';
import { refresh } from './lib/refresh.ts';

const live = 15_000; // as often as a candidate's clock looks for extra time

// A choice narrows the table at once; what is typed waits for Enter or the button.
on('change', 'form[data-narrow] select', (select) => select.closest('form')?.requestSubmit());

on('click', '[data-print]', () => window.print());

function go(selector: string): void {
  document.querySelector<HTMLAnchorElement>(selector)?.click();
}

const questions = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('details.answer > summary')];

// step moves the focus to the question before or after the one that has it, or the first one.
function step(by: number): void {
  const all = questions();
  const at = all.findIndex((summary) => summary.parentElement?.contains(document.activeElement));
  const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

if (document.querySelector('details.answer')) {
  register('j', 'Next question', () => step(1));
  register('k', 'Previous question', () => step(-1));
}
if (document.querySelector('[data-before], [data-after]')) {
  register('[', 'Previous candidate', () => go('[data-before]'));
  register(']', 'Next candidate', () => go('[data-after]'));
}
if (document.querySelector('.fnd input')) {
  register('/', 'Find a candidate', () => document.querySelector<HTMLInputElement>('.fnd input')?.focus());
}

// On paper every question is open; afterwards each is as it was.
const opened = new Set<HTMLDetailsElement>();
window.addEventListener('beforeprint', () => {
  for (const box of document.querySelectorAll<HTMLDetailsElement>('details.answer:not([open])')) {
    box.open = true;
    opened.add(box);
  }
});
window.addEventListener('afterprint', () => {
  for (const box of opened) box.open = false;
  opened.clear();
});

// A page of somebody who is still at it follows along while it is looked at.
window.setInterval(() => {
  if (document.querySelector('[data-live]') && document.visibilityState === 'visible' && navigator.onLine) {
    refresh().catch(() => undefined); // the next turn tries again; what stands is as it was
  }
}, live);
