// A page is brought up to date by fetching it and morphing what differs, so that focus, scroll, open dialogs and what
// somebody is typing stay as they are.

import { Idiomorph } from 'idiomorph';

// The regions that every employer page has; what a page lacks is passed over.
const regions = ['#main', '#org', '#nav', '#me', '#crumbs', '#tabs', '#top-status', '#top-end'];

let current: AbortController | null = null;

// refresh makes the page what the server now says it is. A later call takes the place of one that is still under way.
export async function refresh(url = location.href): Promise<void> {
  current?.abort();
  const mine = (current = new AbortController());
  let response: Response;
  try {
    response = await fetch(url, { headers: { Accept: 'text/html' }, credentials: 'same-origin', signal: mine.signal });
  } catch (err) {
    if (mine.signal.aborted) return;
    throw err;
  }
  const html = await response.text();
  if (mine.signal.aborted) return;
  if (response.redirected && new URL(response.url).pathname !== new URL(url, location.href).pathname) {
    location.assign(response.url); // signed out meanwhile, or the thing moved
    return;
  }
  if (!response.ok) {
    location.reload(); // the page's own trouble says more than a stale copy of it
    return;
  }
  show(new DOMParser().parseFromString(html, 'text/html'));
}

// show morphs the page into another document of the same kind.
export function show(next: Document): void {
  document.title = next.title;
  for (const region of regions) {
    const from = document.querySelector(region);
    const to = next.querySelector(region);
    if (from && to) morph(from, to);
  }
  document.dispatchEvent(new CustomEvent('page:refresh'));
}

// morph makes one element like another. What is open stays open, and what was typed and not yet saved stays typed.
export function morph(from: Element, to: Element | string): void {
  // Looked at beforehand: with its attribute changed, a clean field would look like one that was typed in.
  const typed = new Set([...from.querySelectorAll('input, textarea, option')].filter(dirty));
  Idiomorph.morph(from, to, {
    morphStyle: 'outerHTML',
    restoreFocus: true,
    callbacks: {
      beforeAttributeUpdated: (name, node) => {
        if (name === 'open') return !(node instanceof HTMLDialogElement || node instanceof HTMLDetailsElement);
        if (name === 'value' || name === 'checked' || name === 'selected') return !typed.has(node);
        return true;
      },
      beforeNodeMorphed: (node) => !(node instanceof Element && node.hasAttribute('data-keep')),
      beforeNodeRemoved: (node) => !(node instanceof HTMLDialogElement && node.open),
    },
  });
}

// dirty tells whether a field holds what is not saved.
export function dirty(node: Element): boolean {
  if (node instanceof HTMLInputElement && (node.type === 'checkbox' || node.type === 'radio')) return node.checked !== node.defaultChecked;
  if (node instanceof HTMLInputElement || node instanceof HTMLTextAreaElement) return node.value !== node.defaultValue;
  if (node instanceof HTMLOptionElement) {
    const options = [...(node.closest('select')?.options ?? [])];
    return options.some((o) => o.defaultSelected) && options.some((o) => o.selected !== o.defaultSelected);
  }
  return false;
}

// clean says that what the form holds is saved: the next refresh may overwrite it.
export function clean(form: HTMLFormElement): void {
  for (const field of form.elements) {
    if (field instanceof HTMLInputElement) {
      field.defaultChecked = field.checked;
      if (field.type !== 'checkbox' && field.type !== 'radio' && field.type !== 'file') field.defaultValue = field.value;
    } else if (field instanceof HTMLTextAreaElement) {
      field.defaultValue = field.value;
    } else if (field instanceof HTMLSelectElement) {
      for (const option of field.options) option.defaultSelected = option.selected;
    }
  }
}
