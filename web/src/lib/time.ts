// Times stand in UTC in the page; here they become the viewer's own.

const day = 24 * 60 * 60_000;
let ticking = 0;

function locale(): string {
  const lang = document.documentElement.lang || 'en';
  return lang === 'en' ? 'en-GB' : lang; // "27 Nov 2026, 18:00" is how the product writes a date
}

// full is a moment with its zone, for a title.
export const full = (at: Date): string =>
  new Intl.DateTimeFormat(locale(), { dateStyle: 'full', timeStyle: 'long' }).format(at);

// short is a moment as the product writes it.
export const short = (at: Date): string =>
  new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);

// near is short without the year where it goes without saying.
export const near = (at: Date): string =>
  at.getFullYear() !== new Date().getFullYear() ? short(at)
    : new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);

// ago words a span that has passed, in the largest unit that it fills, as the server does.
export function ago(span: number): string {
  if (span < 60_000) return 'now';
  if (span < 60 * 60_000) return `${Math.floor(span / 60_000)} min`;
  if (span < day) return `${Math.floor(span / (60 * 60_000))} h`;
  const days = Math.floor(span / day);
  return days === 1 ? '1 day' : `${days} days`;
}

// enhance sets the times below root. It may be called again on the same elements.
export function enhance(root: ParentNode = document): void {
  for (const time of root.querySelectorAll<HTMLTimeElement>('time[data-when]')) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const text = time.dataset.when === 'near' ? near(at) : short(at);
    if (time.textContent !== text) time.textContent = text;
    time.title = full(at);
  }
  for (const time of root.querySelectorAll<HTMLTimeElement>('time[data-ago]')) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const text = ago(Date.now() - at.getTime());
    if (time.textContent !== text) time.textContent = text;
    if (!time.title) time.title = full(at);
  }
}

export function startTimes(): void {
  enhance();
  document.addEventListener('page:refresh', () => enhance());
  clearInterval(ticking);
  ticking = window.setInterval(() => enhance(), 30_000);
}
