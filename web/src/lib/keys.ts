// Single keys for those who like them. They act only outside of fields, and can be switched off (WCAG 2.1.4).

import { el } from './dom.ts';

interface Key {
  description: string;
  fn: (event: KeyboardEvent) => void;
}

const keys = new Map<string, Key>();
const setting = 'single-keys';

// register gives a key its meaning on this page. A later one takes the place of an earlier one.
export function register(key: string, description: string, fn: (event: KeyboardEvent) => void): void {
  keys.set(key, { description, fn });
}

export const keysOn = (): boolean => localStorage.getItem(setting) !== 'off';

export function inField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement &&
    (target.isContentEditable || target.matches('input:not([type="checkbox"], [type="radio"], [type="button"], [type="range"]), textarea, select'));
}

export function startKeys(): void {
  register('?', 'Show the keys', help);
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (inField(event.target) || document.querySelector('dialog[open]:modal') || document.querySelector('.menu:popover-open')) return;
    if (event.key !== '?' && !keysOn()) return;
    const key = keys.get(event.key) ?? keys.get(event.key.toLowerCase());
    if (!key) return;
    event.preventDefault();
    key.fn(event);
  });
}

function help(): void {
  const list = el('dl', { class: 'facts keys-list' });
  for (const [key, { description }] of keys) list.append(el('dt', {}, el('kbd', {}, key)), el('dd', {}, description));
  const box = el('input', { type: 'checkbox' });
  box.checked = keysOn();
  box.addEventListener('change', () => localStorage.setItem(setting, box.checked ? 'on' : 'off'));
  const dialog = el('dialog', { class: 'dialog', 'aria-labelledby': 'keys-title' },
    el('header', {}, el('h2', { id: 'keys-title' }, 'Keys')),
    el('div', { class: 'body stack' }, list, el('label', { class: 'check small' }, box, el('span', {}, 'Single keys act on this page'))),
    el('footer', {}, el('button', { class: 'btn', type: 'button', 'data-close': true, autofocus: true }, 'Close')));
  document.body.append(dialog);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.showModal();
}
