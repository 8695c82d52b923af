// The box that people are pasted into: a preview of what was understood, and the sending, a thousand at a time.

import { call, newKey, Problem } from '../lib/api.ts';
import { el, icon } from '../lib/dom.ts';
import { renew, sentence } from '../lib/form.ts';
import { short } from '../lib/time.ts';
import { toast } from '../lib/toast.ts';
import { parse, type Bad, type Parsed, type Person } from './parse.ts';

interface Result { email: string; status: 'invited' | 'duplicate' | 'invalid'; detail: string | null }
interface Answer { results: Result[]; invited: number; duplicates: number; invalid: number }

const maxShown = 5; // bad lines that are spelt out
const maxFile = 2 << 20; // bytes of a file of addresses
const much = 20_000; // characters
const pause = 250; // milliseconds
const day = 24 * 60 * 60_000;

const $ = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

export function startCompose(): void {
  const form = document.getElementById('invite-form');
  if (form instanceof HTMLFormElement) new Compose(form);
}

class Compose {
  private readonly box = $<HTMLTextAreaElement>('invite-box');
  private readonly list = $('invite-parsed');
  private readonly send = $<HTMLButtonElement>('invite-send');
  private readonly verb: string;
  private parsed: Parsed = { people: [], bad: [], twice: 0 };
  private busy = false;
  private looking = 0;

  constructor(private readonly form: HTMLFormElement) {
    this.verb = this.send.textContent?.trim().split(' ')[0] ?? 'Send';
    this.box.addEventListener('input', () => this.soon());
    form.addEventListener('change', () => this.options());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.go();
    });
    const file = $<HTMLInputElement>('invite-file');
    document.addEventListener('click', ({ target }) => {
      if (target instanceof Element && target.closest('[data-csv]')) file.click();
      if (target instanceof Element && target.closest('[data-focus="invite-box"]')) this.box.focus();
    });
    file.addEventListener('change', () => void this.read(file));
    this.days();
    this.options();
    this.look();
  }

  private async read(input: HTMLInputElement): Promise<void> {
    const file = input.files?.[0];
    input.value = '';
    if (!file) return;
    if (file.size > maxFile || /\.(xlsx?|ods|numbers)$/i.test(file.name)) {
      this.trouble(`“${file.name}” cannot be read here.`, 'What is in the box is kept.', 'Save it as CSV, or copy the addresses and paste them.');
      return;
    }
    const text = await file.text();
    this.box.value = this.box.value.trim() === '' ? text : `${this.box.value.trimEnd()}\n${text}`;
    this.look();
    this.box.focus();
  }

  private options(): void {
    const extra = this.extra();
    $('invite-date').hidden = $<HTMLSelectElement>('invite-days').value !== 'date';
    $('invite-other').hidden = extra !== 'other';
    $('invite-why').hidden = extra === '0';
  }

  private extra(): string {
    return (new FormData(this.form).get('extra') as string | null) ?? '0';
  }

  // days says of each choice when that is.
  private days(): void {
    for (const option of $<HTMLSelectElement>('invite-days').options) {
      if (option.value !== 'date') option.textContent = `${option.value} days, until ${short(new Date(Date.now() + Number(option.value) * day))}`;
    }
  }

  // soon looks at once, or when the typing pauses where there is much to look at.
  private soon(): void {
    clearTimeout(this.looking);
    if (this.box.value.length < much) this.look();
    else this.looking = window.setTimeout(() => this.look(), pause);
  }

  private look(): void {
    this.parsed = parse(this.box.value);
    const { people, bad, twice } = this.parsed;
    const items: HTMLElement[] = [];
    if (people.length) items.push(line('check', '', el('b', { class: 'strong' }, `${people.length} ready`), ` to ${this.verb.toLowerCase()}`));
    if (twice) items.push(line('minus', 'muted', `${twice === 1 ? 'One stands' : `${twice} stand`} here twice, counted once`));
    for (const b of bad.slice(0, maxShown)) items.push(this.badLine(b));
    if (bad.length > maxShown) items.push(line('alert', 't-bad', `And ${bad.length - maxShown} more that are no addresses`));
    this.list.replaceChildren(...items);
    this.label();
  }

  private label(): void {
    const n = this.parsed.people.length;
    const words = this.send.querySelector('span');
    if (words) words.textContent = n === 0 ? `${this.verb} invites` : `${this.verb} ${n} ${n === 1 ? 'invite' : 'invites'}`;
    this.send.disabled = n === 0 || this.busy;
  }

  private badLine(b: Bad): HTMLElement {
    const item = line('alert', 't-bad', `Line ${b.line}: `, el('code', {}, clip(b.text)), ` ${b.why}. `);
    if (b.fix) {
      const fix = b.fix;
      const use = el('button', { class: 'link-btn', type: 'button' }, `Use ${fix}`);
      use.addEventListener('click', () => this.mend(b, fix));
      item.lastElementChild?.append(use);
    }
    return item;
  }

  private mend(b: Bad, fix: string): void {
    const lines = this.box.value.split('\n');
    lines[b.line - 1] = (lines[b.line - 1] ?? '').replace(b.text, () => fix);
    this.box.value = lines.join('\n');
    this.look();
    this.box.focus();
  }

  private expiry(): string | undefined {
    const choice = $<HTMLSelectElement>('invite-days').value;
    if (choice !== 'date') return new Date(Date.now() + Number(choice) * day).toISOString();
    const at = new Date($<HTMLInputElement>('invite-until').value);
    return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
  }

  private percent(): number {
    const choice = this.extra();
    return choice === 'other' ? Number($<HTMLInputElement>('invite-percent').value) : Number(choice);
  }

  private async go(): Promise<void> {
    clearTimeout(this.looking);
    this.look(); // what stands in the box now
    const { people } = this.parsed;
    const expiresAt = this.expiry();
    const percent = this.percent();
    if (people.length === 0 || this.busy) return;
    if (!expiresAt) return this.trouble('There is no day to which the links work.', 'Nothing was sent; the addresses are kept.', 'Choose a day.', 'invite-until');
    if (!Number.isInteger(percent) || percent < 0 || percent > 300) {
      return this.trouble('The extra time is no number from 0 to 300.', 'Nothing was sent; the addresses are kept.', 'Give the per cent of the time limit.', 'invite-percent');
    }
    const reason = percent > 0 ? $<HTMLInputElement>('invite-reason').value : '';
    const common = { expiresAt, message: $<HTMLTextAreaElement>('invite-message').value };
    const invites = people.map((p) => ({ email: p.email, name: p.name || undefined, extraTimePercent: percent || undefined, reason: reason || undefined }));
    await this.batches(people, invites, common);
  }

  private async batches(people: Person[], invites: object[], common: object): Promise<void> {
    const most = Number(this.form.dataset.most) || 1000;
    const bar = $<HTMLProgressElement>('invite-progress');
    const results: Result[] = [];
    let failure: Problem | null = null;
    this.setBusy(true);
    $('invite-trouble').replaceChildren();
    bar.hidden = invites.length <= most;
    bar.max = invites.length;
    for (let from = 0; from < invites.length && !failure; from += most) {
      bar.value = from;
      try {
        const body = { invites: invites.slice(from, from + most), ...common };
        const { data } = await call<Answer>('POST', this.form.dataset.path ?? '', body, { timeout: 120_000, idempotencyKey: newKey() });
        results.push(...data.results);
      } catch (err) {
        if (!(err instanceof Problem)) throw err;
        failure = err;
      }
    }
    bar.hidden = true;
    this.setBusy(false);
    this.done(people, results, failure);
    if (results.length) await renew();
  }

  private setBusy(busy: boolean): void {
    this.busy = busy;
    this.form.toggleAttribute('aria-busy', busy);
    this.label();
  }

  // done keeps in the box what did not go, also what was typed meanwhile, so that nothing is lost, and says what became of the rest.
  private done(sent: Person[], results: Result[], failure: Problem | null): void {
    const went = new Set(sent.filter((_, i) => results[i] && results[i]?.status !== 'invalid').map((p) => p.email.toLowerCase()));
    const refused = results.filter((r) => r.status === 'invalid').map((r) => `${clip(r.email)}: ${r.detail ?? 'not an address'}`);
    this.parsed = parse(this.box.value);
    const { people, bad } = this.parsed;
    const left = new Set([...bad, ...people.filter((p) => !went.has(p.email.toLowerCase()))].map((b) => b.line));
    const lines = this.box.value.split('\n');
    const kept = lines.filter((_, i) => left.has(i + 1));
    const table = left.size > 0 && lines[0] !== undefined && !lines[0].includes('@') && results.length > 0 && /mail/i.test(lines[0]);
    this.box.value = (table && !left.has(1) ? [lines[0], ...kept] : kept).join('\n');
    this.look();
    const count = (s: Result['status']): number => results.filter((r) => r.status === s).length;
    const invited = count('invited');
    const twice = count('duplicate');
    const said = [`${invited} invited`];
    if (twice) said.push(`${twice} already invited, skipped`);
    if (refused.length) said.push(`${refused.length} refused`);
    const summary = `${said.join(', ')}.`;
    if (failure) {
      const rest = sent.length - results.length;
      const kept = `${results.length ? summary : 'Nobody was invited.'} ${rest === 1 ? '1 is' : `${rest} are`} still in the box.`;
      this.trouble(...why(failure, kept));
    } else if (refused.length) {
      this.trouble(summary, refused.slice(0, maxShown).join(' '), 'They are still in the box: mend them and send again.');
    } else toast(summary);
  }

  private trouble(what: string, kept: string, todo: string, field?: string): void {
    $('invite-trouble').replaceChildren(el('div', { class: 'note bad', role: 'alert' }, icon('alert'), el('div', {}, el('b', {}, what), ` ${kept} ${todo}`)));
    if (field) $(field).focus();
  }
}

// why says what went wrong, what is kept, and what to do.
function why(failure: Problem, kept: string): [string, string, string] {
  if (failure.status === 401) return ['You were signed out.', kept, 'Sign in in another tab, then send again.'];
  if (failure.status === 0) return [failure.detail, kept, 'Send again when the connection is back.'];
  return [sentence(failure), kept, failure.retryAfter ? `Send again in ${failure.retryAfter} s.` : 'Send again.'];
}

function line(picture: string, tone: string, ...parts: (Node | string)[]): HTMLElement {
  return el('li', { class: tone || null }, icon(picture), el('span', {}, ...parts));
}

const clip = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
