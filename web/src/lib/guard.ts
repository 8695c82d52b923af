// A form with data-guard holds what somebody wrote at length: the browser asks before the page is left without saving it.

import { dirty } from './refresh.ts';

const unsaved = (): boolean => [...document.querySelectorAll('form[data-guard] :is(input, textarea)')].some(dirty);

export function startGuard(): void {
  window.addEventListener('beforeunload', (event) => { if (unsaved()) event.preventDefault(); });
}
