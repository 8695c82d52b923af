import { Problem } from '../lib/api.ts';

// Pieces of the editor come as HTML, made by the same templates as the page.

/** part fetches one piece; a failure is a Problem, as from the API. */
export async function part(path: string, signal?: AbortSignal): Promise<DocumentFragment> {
  let res: Response;
  try {
    res = await fetch(path, { headers: { Accept: 'text/html' }, signal });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw offline();
  }
  if (res.redirected) throw new Problem(401, { code: 'unauthenticated', detail: 'You were signed out.' });
  if (!res.ok) throw new Problem(res.status, { code: 'part', detail: 'This part of the page did not load.' });
  const holder = document.createElement('template');
  holder.innerHTML = await res.text();
  return holder.content;
}

export function offline(): Problem {
  return new Problem(0, { code: 'offline', detail: 'The server cannot be reached.' });
}

/** swap puts each element of a piece that has an id in the place of the page's element with that id, and keeps the focus. */
export function swap(piece: DocumentFragment): void {
  for (const fresh of [...piece.querySelectorAll<HTMLElement>('[id]')]) {
    if (!fresh.isConnected && fresh.parentElement?.closest('[id]')) continue; // it goes with what it is in
    const old = document.getElementById(fresh.id);
    if (!old || old.isEqualNode(fresh)) continue;
    const path = focusPath(old);
    old.replaceWith(fresh);
    if (path) followPath(fresh, path)?.focus({ preventScroll: true });
  }
}

function focusPath(root: Element): number[] | null {
  let at: Element | null = document.activeElement;
  if (!at || !root.contains(at)) return null;
  const path: number[] = [];
  for (; at && at !== root; at = at.parentElement) path.unshift([...(at.parentElement?.children ?? [])].indexOf(at));
  return path;
}

function followPath(root: HTMLElement, path: number[]): HTMLElement | null {
  let at: Element | undefined = root;
  for (const i of path) at = at?.children[i];
  return at instanceof HTMLElement ? at : null;
}

/** say tells a screen reader something that the page shows elsewhere. */
export function say(text: string, urgent = false): void {
  const region = document.getElementById(urgent ? 'ed-alert' : 'ed-live');
  if (region) region.textContent = text;
}

/** clockTime is an hour and minute of the reader's zone. */
export function clockTime(at: Date): string {
  return at.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });
}
