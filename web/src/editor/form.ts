import type { Problem } from '../lib/api.ts';

// Errors of fields, as the house shows them: under the field, tied to it, and gone once it is right.

/** fieldError shows what is wrong with a field, or takes it away with "". */
export function fieldError(root: ParentNode, name: string, message: string): void {
  const line = root.querySelector<HTMLElement>(`[data-error="${name}"]`);
  if (!line) return;
  if (line.textContent !== message) line.textContent = message;
  line.hidden = message === '';
  for (const field of root.querySelectorAll(`[aria-describedby~="${line.id}"]`)) {
    if (message) field.setAttribute('aria-invalid', 'true');
    else field.removeAttribute('aria-invalid');
  }
}

/** clearErrors takes all of them away. */
export function clearErrors(root: ParentNode): void {
  for (const line of root.querySelectorAll<HTMLElement>('[data-error]')) fieldError(root, line.dataset.error!, '');
}

/** showRefusal puts the server's reasons at their fields; those of no field go to the first one named by fallback. */
export function showRefusal(root: ParentNode, p: Problem, fallback: string): void {
  const reasons = p.errors?.length ? p.errors : [{ location: 'body.' + fallback, message: p.detail }];
  for (const { location, message } of reasons) {
    const name = location.replace(/^body\.?/, '').split(/[.[]/)[0] || fallback;
    const known = root.querySelector(`[data-error="${name}"]`) ? name : fallback;
    fieldError(root, known, message);
  }
}

/** stepOf moves the number in a field by a step, and tells those who listen. */
export function step(button: HTMLElement): void {
  const field = document.getElementById(button.dataset.stepFor ?? '') as HTMLInputElement | null;
  if (!field || field.matches(':disabled')) return;
  const now = Number(field.value.replace(',', '.'));
  const next = Math.max(0, (Number.isFinite(now) ? now : 0) + Number(button.dataset.step));
  field.value = String(Math.round(next * 1000) / 1000);
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

/** isDecimal tells what the server reads as a number: 12.5, 12,5 or 1e3. */
export function isDecimal(text: string): boolean {
  return /^\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*$/.test(text);
}
