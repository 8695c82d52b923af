// Forms and buttons that call the API, told by attributes.
//
//   <form data-api="PATCH /api/v1/employer" data-then="refresh" data-done="Saved" data-if-match="ETAG">
//   <button data-api="POST /api/v1/x/close" data-confirm="Close it?" data-confirm-action="Close it" data-undo="POST /api/v1/x/open">
//
// data-then is refresh (what is meant without it), none, or a path to go to; in a path {id} is a value of the answer.
// A form in a dialog closes it unless data-stay is set; data-reset empties it afterwards.

import { call, newKey, Problem, type FieldFault } from './api.ts';
import { confirm } from './dialog.ts';
import { el, icon, on, uid } from './dom.ts';
import { anchor } from './focus.ts';
import { clean, refresh } from './refresh.ts';
import { toast } from './toast.ts';

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const running = new WeakSet<Element>();

export function startForms(): void {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.dataset.api) return;
    event.preventDefault();
    void submit(form, event.submitter);
  });
  on('click', 'button[data-api]', (button) => void press(button as HTMLButtonElement));
  document.addEventListener('input', ({ target }) => { if (isField(target)) unmark(target); });
}

// What an element was told when it was pressed. A refresh that comes meanwhile may make another button of it, and what somebody
// has agreed to must be what is done.
type Told = Readonly<DOMStringMap>;

const toldOf = (source: HTMLElement): Told => ({ ...source.dataset });

async function submit(form: HTMLFormElement, submitter: HTMLElement | null): Promise<void> {
  if (running.has(form)) return;
  const told = toldOf(form);
  if (!(await agreed(told))) {
    form.dispatchEvent(new CustomEvent('api:declined', { bubbles: true }));
    return;
  }
  clearErrors(form);
  const data = await attempt(form, told, submitter ?? form, values(form));
  if (data === failed) return;
  clean(form);
  if (told.reset !== undefined) form.reset();
  if (told.stay === undefined) form.closest('dialog')?.close();
  await after(form, told, data);
}

async function press(button: HTMLButtonElement): Promise<void> {
  if (running.has(button) || button.getAttribute('aria-disabled') === 'true') return;
  const settle = anchor(button);
  await make(button);
  settle();
}

async function make(button: HTMLButtonElement): Promise<void> {
  const told = toldOf(button);
  if (!(await agreed(told))) return;
  const data = await attempt(button, told, button, told.body ? JSON.parse(told.body) : undefined);
  if (data === failed) return;
  if (told.stay === undefined) button.closest('dialog')?.close();
  await after(button, told, data);
}

const failed = Symbol('failed');

// attempt makes the call once and shows what went wrong where it belongs.
async function attempt(source: HTMLElement, told: Told, pressed: HTMLElement, body: unknown): Promise<unknown> {
  const [method = '', path = ''] = (told.api ?? '').split(' ');
  running.add(source);
  pressed.setAttribute('aria-busy', 'true');
  try {
    const key = told.idempotent === undefined ? undefined : newKey();
    const { data } = await call(method, path, body, { ifMatch: told.ifMatch, idempotencyKey: key });
    return data;
  } catch (err) {
    if (!(err instanceof Problem)) throw err;
    source.dispatchEvent(new CustomEvent('api:failed', { detail: err, bubbles: true }));
    if (source instanceof HTMLFormElement) showErrors(source, err);
    else toast(sentence(err), { tone: 'bad' });
    return failed;
  } finally {
    running.delete(source);
    pressed.removeAttribute('aria-busy');
  }
}

function agreed(told: Told): Promise<boolean> | boolean {
  const { confirm: title, confirmBody, confirmAction, confirmKeep, confirmTyped, confirmTone } = told;
  if (!title) return true;
  return confirm({
    title, body: confirmBody, action: confirmAction ?? 'Go on', keep: confirmKeep ?? 'Cancel', typed: confirmTyped, danger: confirmTone !== 'calm',
  });
}

async function after(source: HTMLElement, told: Told, data: unknown): Promise<void> {
  const then = told.then ?? 'refresh';
  const { done, undo } = told;
  source.dispatchEvent(new CustomEvent('api:done', { detail: data, bubbles: true }));
  if (then.startsWith('/')) {
    location.assign(then.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String((data as Record<string, unknown>)?.[name] ?? ''))));
    return;
  }
  if (then === 'refresh') await renew();
  if (!done) return;
  toast(done, undo ? { undo: () => takeBack(undo, then) } : {});
}

async function takeBack(undo: string, then: string): Promise<void> {
  const [method = '', path = ''] = undo.split(' ');
  await call(method, path);
  if (then === 'refresh') await renew();
}

// renew shows what a success has changed. Where the server cannot be reached any more, it says that what is seen is old.
export async function renew(): Promise<void> {
  try {
    await refresh();
  } catch (err) {
    if (!(err instanceof TypeError)) throw err;
    toast('It is done, but the page could not be brought up to date. Load it again.', { tone: 'warn' });
  }
}

// ---- From fields to JSON

// values are the form's fields as an object: dots in a name make objects, "[]" at its end a list.
export function values(form: HTMLFormElement): Record<string, unknown> {
  const out: Record<string, unknown> = form.dataset.body ? JSON.parse(form.dataset.body) : {};
  for (const field of form.elements) {
    if (!isField(field) || !field.name || field.matches(':disabled')) continue;
    if (field instanceof HTMLInputElement && field.type === 'radio' && !field.checked) continue;
    if (field.name.endsWith('[]')) {
      const list = (at(out, field.name.slice(0, -2), []) as unknown[]);
      if (!isBox(field) || field.checked) list.push(typed(field));
      continue;
    }
    put(out, field.name, isBox(field) && field.dataset.type !== 'value' ? field.checked : typed(field));
  }
  return out;
}

const isBox = (field: Field): field is HTMLInputElement => field instanceof HTMLInputElement && field.type === 'checkbox';

function typed(field: Field): unknown {
  const text = field.value;
  switch (field.dataset.type) {
    case 'number': return text.trim() === '' ? null : Number(text);
    case 'bool': return text === 'true';
    case 'null': return text.trim() === '' ? null : text;
    case 'lines': return text.split('\n').map((line) => line.trim()).filter(Boolean);
    case 'time': return text === '' ? null : new Date(text).toISOString();
    default: return text;
  }
}

function put(out: Record<string, unknown>, name: string, value: unknown): void {
  const path = name.split('.');
  const last = path.pop() ?? '';
  (path.length ? (at(out, path.join('.'), {}) as Record<string, unknown>) : out)[last] = value;
}

function at(out: Record<string, unknown>, name: string, empty: object): object {
  const path = name.split('.');
  let here = out;
  path.forEach((step, i) => {
    here[step] ??= i === path.length - 1 ? empty : {};
    here = here[step] as Record<string, unknown>;
  });
  return here;
}

function isField(x: unknown): x is Field {
  return x instanceof HTMLInputElement || x instanceof HTMLSelectElement || x instanceof HTMLTextAreaElement;
}

// ---- From a problem to the fields

// showErrors puts each reason at its field and the rest into the form's alert. The first one gets the focus.
export function showErrors(form: HTMLFormElement, problem: Problem): void {
  clearErrors(form);
  const rest: FieldFault[] = [];
  let first: HTMLElement | null = null;
  for (const fault of problem.errors) {
    const field = fieldOf(form, fault.location);
    if (!field) rest.push(fault);
    else {
      mark(field, fault.message);
      first ??= field;
    }
  }
  const alert = !first || rest.length > 0 ? showAlert(form, problem, rest) : null;
  (first ?? alert)?.focus();
}

function fieldOf(form: HTMLFormElement, location: string): Field | null {
  const path = location.replace(/^body\.?/, '').replace(/\[(\d+)\]/g, '.$1');
  for (let name = path; name; name = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '') {
    const found = [...form.elements].find((f): f is Field => isField(f) && (f.name === name || f.name === `${name}[]`) && f.type !== 'hidden');
    if (found) return found;
  }
  return null;
}

// mark says at the field what is wrong with it, for the eye and for the ear.
export function mark(field: Field, message: string): void {
  unmark(field);
  const id = uid('error');
  const said = el('p', { class: 'err field-error', id, 'data-made': true }, icon('alert', 's'), el('span', {}, message));
  field.setAttribute('aria-invalid', 'true');
  field.setAttribute('aria-describedby', [field.getAttribute('aria-describedby'), id].filter(Boolean).join(' '));
  const box = field.closest('.field');
  if (box) box.append(said);
  else (field.closest('label, .affix') ?? field).after(said);
}

export function unmark(field: Field): void {
  if (!field.hasAttribute('aria-invalid')) return;
  field.removeAttribute('aria-invalid');
  const ids = (field.getAttribute('aria-describedby') ?? '').split(' ');
  const kept = ids.filter((id) => {
    const said = document.getElementById(id);
    if (!said?.classList.contains('field-error')) return Boolean(id);
    said.remove();
    return false;
  });
  if (kept.length) field.setAttribute('aria-describedby', kept.join(' '));
  else field.removeAttribute('aria-describedby');
}

export function clearErrors(form: HTMLFormElement): void {
  for (const field of form.elements) if (isField(field)) unmark(field);
  form.querySelector('[data-alert][data-made]')?.remove();
}

function showAlert(form: HTMLFormElement, problem: Problem, rest: FieldFault[]): HTMLElement {
  const text = el('div', {}, el('b', {}, problem.status === 401 ? 'You were signed out.' : problem.detail), ' ', kept(problem));
  for (const fault of rest) text.append(el('p', {}, fault.message));
  const alert = el('div', { class: 'note bad', role: 'alert', tabindex: '-1', 'data-alert': true, 'data-made': true }, icon('alert'), text);
  (form.querySelector('.body') ?? form).prepend(alert);
  return alert;
}

// kept is the second and third part of an error: what is safe, and what to do.
function kept(problem: Problem): string {
  if (problem.status === 0) return 'What you typed is still here. Try again when the connection is back.';
  if (problem.status === 401) return 'What you typed is still here. Sign in again in another tab, then try again.';
  if (problem.status === 412) return 'What you typed is still here. Copy it, load the page again, and compare.';
  if (problem.retryAfter) return `What you typed is still here. Try again in ${problem.retryAfter} s.`;
  if (problem.status >= 500) return `What you typed is still here. Try again${problem.requestId ? ` (error ${problem.requestId})` : ''}.`;
  return 'Nothing was changed; what you typed is still here.';
}

// sentence words a problem for a place that has room for one line.
export function sentence(problem: Problem): string {
  if (problem.status === 0) return `${problem.detail} Nothing was changed. Try again when the connection is back.`;
  if (problem.status === 401) return 'You were signed out. Nothing was changed. Sign in again, then try again.';
  const details = problem.errors.map((e) => e.message).filter((m) => !problem.detail.includes(m)).slice(0, 3);
  return [problem.detail, ...details].join(' ');
}
