import { TakeRunner } from './take/runner.ts';
import { door } from './take/prefs.ts';

customElements.define('take-runner', TakeRunner);

// The page that says that the test is open elsewhere has no runner, but the way back to where it began.
for (const link of document.querySelectorAll<HTMLAnchorElement>('.c-card [data-door]')) {
  const path = door();
  if (!path) continue;
  link.href = path;
  link.hidden = false;
}
