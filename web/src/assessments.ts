// Keys of the list of assessments: find, new, and from row to row.

import { openDialog } from './lib/dialog.ts';
import { register } from './lib/keys.ts';

const rows = (): HTMLAnchorElement[] => [...document.querySelectorAll<HTMLAnchorElement>('[data-row] .who')];

function step(by: 1 | -1): void {
  const all = rows();
  const here = all.findIndex((a) => a.closest('[data-row]')?.contains(document.activeElement));
  const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, here + by));
  all[next]?.focus();
}

register('/', 'Find an assessment', () => document.querySelector<HTMLInputElement>('[data-search] input[type="search"]')?.select());
if (document.getElementById('new-assessment')) register('n', 'New assessment', () => { openDialog('new-assessment'); });
register('j', 'Next assessment', () => step(1));
register('k', 'Previous assessment', () => step(-1));
