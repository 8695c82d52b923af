import { el, icon } from '../lib/dom.ts';
import { call, Problem } from '../lib/api.ts';
import { openDialog } from '../lib/dialog.ts';
import { near } from '../lib/time.ts';
import { clockTime } from './part.ts';

// Two people, or two tabs, changed the same thing. Both versions are kept until somebody has looked at them and chosen.

export interface Conflict {
  what: string; // "question 7"
  rows: [name: string, mine: string, theirs: string][];
  touched: string; // where the server says who changed it
  keepMine(): Promise<void>;
  takeTheirs(): Promise<void>;
}

/** Touched is who changed it, as the server's trail has it. */
interface Touched {
  who: string;
  you: boolean;
  at: string;
}

async function touched(path: string): Promise<Touched | null> {
  try {
    return (await call<Touched>('GET', path)).data;
  } catch (cause) {
    if (cause instanceof Problem) return null; // who it was is good to know, and no more
    throw cause;
  }
}

function happened(what: string, by: Touched | null): string {
  if (!by) return `${capital(what)} was changed elsewhere.`;
  const at = new Date(by.at);
  const when = at.toDateString() === new Date().toDateString() ? `at ${clockTime(at)}` : `on ${near(at)}`;
  return by.you ? `You changed ${what} in another tab ${when}.` : `${by.who} changed ${what} ${when}.`;
}

/** announce shows the notice in its place, with a way to compare. */
export async function announce(place: HTMLElement, c: Conflict): Promise<void> {
  const by = await touched(c.touched);
  const compare = el('button', { type: 'button', class: 'link-btn' }, 'Compare, then choose');
  const note = el('div', { class: 'note warn', role: 'alert' }, icon('alert'),
    el('div', { class: 'grow' }, el('b', {}, happened(c.what, by)), ' Both versions are kept.'),
    el('div', { class: 'acts' }, compare));
  place.replaceChildren(note);
  place.hidden = false;
  compare.addEventListener('click', () => open(place, c));
}

function open(place: HTMLElement, c: Conflict): void {
  const dialog = document.getElementById('conflict') as HTMLDialogElement;
  const wrong = el('p', { class: 'field-error err', role: 'alert', hidden: true });
  const mine = el('button', { type: 'button', class: 'btn' }, 'Keep mine');
  const theirs = el('button', { type: 'button', class: 'btn' }, 'Take theirs');
  const later = el('button', { type: 'button', class: 'btn ghost', 'data-close': true, autofocus: true }, 'Decide later');
  const choose = async (act: () => Promise<void>): Promise<void> => {
    mine.disabled = theirs.disabled = true;
    try {
      await act();
      place.replaceChildren();
      place.hidden = true;
      dialog.close();
    } catch {
      wrong.textContent = 'That did not reach the server. Both versions are still kept: try again.';
      wrong.hidden = false;
    }
    mine.disabled = theirs.disabled = false;
  };
  mine.addEventListener('click', () => void choose(c.keepMine));
  theirs.addEventListener('click', () => void choose(c.takeTheirs));
  dialog.replaceChildren(
    el('header', {}, el('h2', { id: 'conflict-title' }, `Two versions of ${c.what}`), el('p', {}, 'The one that you do not choose can be had back with Undo.')),
    el('div', { class: 'body stack' }, table(c), wrong),
    el('footer', {}, later, theirs, mine),
  );
  openDialog(dialog);
}

function table(c: Conflict): HTMLElement {
  const body = el('tbody');
  for (const [name, mine, theirs] of c.rows) {
    if (mine === theirs) continue;
    body.append(el('tr', {}, el('th', { scope: 'row' }, name), side(mine), side(theirs)));
  }
  const head = el('tr', {}, el('td'), el('th', { scope: 'col' }, 'Mine, in this tab'), el('th', { scope: 'col' }, 'Theirs, on the server'));
  return el('div', { class: 'compare', role: 'region', 'aria-label': 'Both versions', tabindex: '0' }, el('table', { class: 'tbl' }, el('thead', {}, head), body));
}

function side(text: string): HTMLElement {
  return el('td', { dir: 'auto' }, el('span', { class: 'pre' }, text || 'Nothing'));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
