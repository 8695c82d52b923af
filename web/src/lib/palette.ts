// Search or jump to: the pages of this workspace, and assessments found by the API.

import { call, Problem } from './api.ts';
import { el, icon, on, uid } from './dom.ts';
import { register } from './keys.ts';

interface Entry {
  label: string;
  note: string;
  picture: string;
  url: string;
}

interface Assessments {
  items: { id: string; title: string; status: string }[];
}

const wait = 150; // milliseconds between the last key and the question to the server
const most = 8;

// As they are called in the list of the settings. The others are for admins and owners alone.
const settings: [string, string][] = [['profile', 'Your profile'], ['sessions', 'Your sessions']];
const administration: [string, string][] = [
  ['organization', 'Organization'], ['members', 'Members and roles'], ['keys', 'API keys'], ['webhooks', 'Webhooks'], ['audit', 'Audit trail'],
];

export function startPalette(): void {
  if (!document.querySelector('[data-palette]')) return; // nobody is signed in
  on('click', '[data-palette]', () => open());
  document.addEventListener('keydown', (event) => {
    if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  register('g', 'Search or jump to', () => open());
}

function pages(): Entry[] {
  const nav = [...document.querySelectorAll<HTMLAnchorElement>('#nav a')].map((a) => {
    const label = [...a.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.textContent?.trim()).join(' ').trim();
    return { label, note: 'Page', picture: a.querySelector('use')?.getAttribute('href')?.split('#')[1] ?? 'right', url: a.pathname };
  });
  const admin = document.querySelector<HTMLElement>('[data-palette]')?.dataset.palette === 'admin';
  return [...nav, ...[...settings, ...(admin ? administration : [])].map(([path, label]) => ({ label, note: 'Settings', picture: 'sliders', url: `/app/settings/${path}` }))];
}

function open(): void {
  if (document.querySelector('dialog[open]:modal')) return;
  new Palette().show();
}

class Palette {
  private readonly list = el('div', { role: 'listbox', id: uid('found'), 'aria-label': 'Found' });
  private readonly input = el('input', {
    class: 'palette-in', type: 'text', role: 'combobox', 'aria-label': 'Search or jump to', 'aria-controls': this.list.id, 'aria-expanded': 'true',
    'aria-autocomplete': 'list', autocomplete: 'off', spellcheck: 'false', placeholder: 'An assessment or a page',
  });
  private readonly said = el('p', { class: 'sr', role: 'status' });
  private readonly dialog = el('dialog', { class: 'dialog palette', 'aria-label': 'Search or jump to' }, this.input, this.list, this.said);
  private entries: Entry[] = [];
  private here = 0;
  private asked: AbortController | null = null;
  private timer = 0;
  private eager = false; // Enter was pressed before there was anything to go to

  show(): void {
    this.input.addEventListener('input', () => this.look());
    this.input.addEventListener('keydown', (event) => this.key(event));
    this.list.addEventListener('click', ({ target }) => {
      const option = target instanceof Element ? target.closest<HTMLElement>('[role="option"]') : null;
      if (option) this.go(Number(option.dataset.at));
    });
    this.dialog.addEventListener('close', () => {
      this.asked?.abort();
      clearTimeout(this.timer);
      this.dialog.remove();
    });
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.look();
  }

  private look(): void {
    const text = this.input.value.trim();
    const here = pages().filter((p) => p.label.toLowerCase().includes(text.toLowerCase()));
    this.draw(here.slice(0, most), text ? 'Searching' : undefined);
    clearTimeout(this.timer);
    this.asked?.abort();
    this.eager = false;
    if (!text) return;
    this.timer = window.setTimeout(() => void this.ask(text, here), wait);
  }

  private async ask(text: string, here: Entry[]): Promise<void> {
    const mine = (this.asked = new AbortController());
    try {
      const { data } = await call<Assessments>('GET', `/api/v1/assessments?limit=${most}&q=${encodeURIComponent(text)}`, undefined, { signal: mine.signal });
      const found = data.items.map((a) => ({ label: a.title, note: `Assessment, ${a.status}`, picture: 'assess', url: `/app/assessments/${a.id}` }));
      this.draw([...found, ...here].slice(0, most));
      if (this.eager) this.go(0);
    } catch (err) {
      if (mine.signal.aborted) return;
      if (!(err instanceof Problem)) throw err;
      this.draw(here.slice(0, most), err.status === 401 ? 'You were signed out. Sign in again to search.' : 'The search did not work. Type on to try again.');
    }
  }

  // draw shows what was found, or, where that is nothing, why.
  private draw(entries: Entry[], otherwise = 'Nothing by that name.'): void {
    this.entries = entries;
    this.here = 0;
    this.list.replaceChildren(...entries.map((entry, i) => el('div', { role: 'option', id: `${this.list.id}-${i}`, 'data-at': i },
      icon(entry.picture), el('span', { class: 'clip' }, entry.label), el('span', { class: 'meta' }, entry.note))));
    if (entries.length === 0) this.list.append(el('p', { class: 'none', role: 'option', 'aria-disabled': 'true' }, otherwise));
    this.said.textContent = entries.length === 0 ? otherwise : `${entries.length} found`;
    this.point(0);
  }

  private point(to: number): void {
    this.here = to;
    const options = this.list.querySelectorAll('[data-at]');
    options.forEach((option, i) => option.setAttribute('aria-selected', String(i === to)));
    options[to]?.scrollIntoView({ block: 'nearest' });
    if (options[to]) this.input.setAttribute('aria-activedescendant', options[to].id);
    else this.input.removeAttribute('aria-activedescendant');
  }

  private key(event: KeyboardEvent): void {
    const count = this.entries.length;
    if (event.key === 'Enter') this.go(this.here);
    else if (event.key === 'ArrowDown' && count) this.point((this.here + 1) % count);
    else if (event.key === 'ArrowUp' && count) this.point((this.here + count - 1) % count);
    else return;
    event.preventDefault();
  }

  private go(at: number): void {
    const entry = this.entries[at];
    this.eager = !entry;
    if (entry) location.assign(entry.url);
  }
}
