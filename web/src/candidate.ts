// The pages before and after the test. All of them work without this: it keeps a start from being sent into a dead network,
// where the clock might run without its candidate, and a form from being sent twice.

import { startFrame } from './candidate/frame.ts';
import { keepDoor } from './take/prefs.ts';

const probeLimit = 5000; // ms that the server may take to say that it is there
const probeEvery = 3000; // ms between two looks for it while it is away

// reachable asks the server itself: a browser takes any network for a good one.
async function reachable(): Promise<boolean> {
  if (!navigator.onLine) return false;
  try {
    const answer = await fetch('/healthz', { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(probeLimit) });
    return answer.ok;
  } catch {
    return false;
  }
}

function startForm(form: HTMLFormElement): void {
  const button = form.querySelector<HTMLButtonElement>('button[type="submit"]');
  if (!button) return;
  const part = (name: string): HTMLElement | null => form.querySelector<HTMLElement>(`[data-${name}]`);
  const cookies = part('cookies');
  if (cookies && !navigator.cookieEnabled) {
    // Started now, the clock would run for somebody whom the test's page does not know.
    cookies.hidden = false;
    button.setAttribute('aria-disabled', 'true');
    form.addEventListener('submit', (event) => event.preventDefault());
    return;
  }
  let looking = 0;
  let turn = 0; // of the looks: only what the last one saw counts
  let busy = false;

  const show = (state: 'ready' | 'waiting' | 'busy'): void => {
    const words = part(state) ? state : 'ready';
    for (const name of ['ready', 'waiting', 'busy']) {
      const label = part(name);
      if (label) label.hidden = name !== words;
    }
    const offline = part('offline');
    if (offline) offline.hidden = state !== 'waiting';
    const online = part('online');
    if (online) online.hidden = state === 'waiting';
    // Not disabled: a button that loses its focus when the network goes would throw a keyboard's reader to the page's top.
    button.setAttribute('aria-disabled', String(state !== 'ready'));
    button.setAttribute('aria-busy', String(state === 'busy'));
  };

  const wait = (): void => {
    turn++;
    show('waiting');
    window.clearTimeout(looking);
    looking = window.setTimeout(() => void look(), probeEvery);
  };

  const look = async (): Promise<void> => {
    window.clearTimeout(looking);
    const mine = ++turn;
    const there = await reachable();
    if (mine !== turn || busy) return;
    if (there) show('ready');
    else wait();
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (busy || button.getAttribute('aria-disabled') === 'true') return;
    busy = true;
    // A public link is everybody's; a personal one is a secret, which the device does not keep.
    if (location.pathname.startsWith('/a/')) keepDoor(location.pathname);
    show('busy');
    void reachable().then((there) => {
      if (there) {
        form.submit();
        return;
      }
      busy = false;
      wait();
    });
  });
  window.addEventListener('offline', () => { if (!busy) wait(); });
  window.addEventListener('online', () => { if (!busy) void look(); });
  // A page that comes back from the browser's memory begins anew.
  window.addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    busy = false;
    void look();
  });
  if (navigator.onLine) show('ready');
  else wait();
}

const pressedTwice = 5000; // ms in which a second press means the first; later the first was stopped, or is lost

// A form that is sent once is not sent again by a second press.
function once(form: HTMLFormElement): void {
  let sent = -Infinity;
  form.addEventListener('submit', (event) => {
    const now = performance.now();
    if (now - sent < pressedTwice) event.preventDefault();
    else sent = now;
  });
  window.addEventListener('pageshow', () => { sent = -Infinity; });
}

startFrame();
const leftover = document.querySelector<HTMLElement>('[data-leftover]');
// A browser that keeps nothing has nothing left over.
if (leftover) void import('./take/leftover.ts').then(({ clearLeftover }) => clearLeftover(leftover)).catch(() => undefined);
for (const form of document.querySelectorAll<HTMLFormElement>('form[data-start]')) startForm(form);
for (const form of document.querySelectorAll<HTMLFormElement>('form[data-once]')) once(form);
// What is wrong with a form is read first; without one, the page begins at its top as always.
document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
