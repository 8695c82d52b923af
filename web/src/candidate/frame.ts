// What every candidate's page does with script: the theme, times in the reader's own zone, and what is of no use without it.

import { startTheme } from '../lib/theme.ts';

const forms: Record<string, Intl.DateTimeFormatOptions> = {
  day: { day: 'numeric', month: 'long' },
  clock: { hour: '2-digit', minute: '2-digit', timeZoneName: 'short', hourCycle: 'h23' },
  all: { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZoneName: 'short', hourCycle: 'h23' },
};

// The page's language decides how a time is written; its server-made text is English and in UTC.
function moments(): void {
  const lang = document.documentElement.lang === 'ar-XB' ? 'en' : document.documentElement.lang;
  for (const time of document.querySelectorAll<HTMLTimeElement>('time[data-moment]')) {
    const at = new Date(time.dateTime);
    const form = forms[time.dataset.moment ?? ''];
    if (Number.isNaN(at.getTime()) || !form) continue;
    time.textContent = new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, form).format(at);
  }
}

export function startFrame(): void {
  startTheme();
  moments();
  for (const part of document.querySelectorAll<HTMLElement>('[data-needs-script]')) part.hidden = false;
}
