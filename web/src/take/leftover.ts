import { forgetPage } from './device.ts';
import { must } from './dom.ts';
import { isUnsent } from './merge.ts';
import { forgetPlace } from './prefs.ts';
import { clearAttempt, keptOf, open } from './store.ts';
import { listUnsent } from './unsent.ts';

/**
 * After the end: deletes what this device has kept of the attempt. What had never reached the server is shown once more first, and
 * stays until its owner deletes it.
 */
export async function clearLeftover(box: HTMLElement): Promise<void> {
  const { leftover: attempt = '', title = '', copy = '', copied = '' } = box.dataset;
  await forgetPage();
  forgetPlace(attempt);
  const db = await open();
  const unsent = (await keptOf(db, attempt)).filter((k) => isUnsent(k) && k.answer !== null);
  if (unsent.length === 0) {
    await clearAttempt(db, attempt);
    return;
  }
  listUnsent(must('[data-left-list]', box), unsent, {
    number: (k) => k.told?.number ?? 0, words: (k) => k.told?.words ?? String(k.answer),
    title: (n) => title.replace('{n}', String(n)), empty: '', copy, copied,
  });
  must('[data-left-forget]', box).addEventListener('click', () => void clearAttempt(db, attempt).then(() => box.remove()));
  box.hidden = false;
}
