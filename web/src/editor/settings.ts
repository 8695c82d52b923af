import { call, type Problem } from '../lib/api.ts';
import { clearErrors, fieldError, isDecimal, showRefusal, step } from './form.ts';
import { bindMarkdown } from './markdown.ts';
import { Held, Saver, type Source } from './saver.ts';

// The settings are saved field by field. Their edition moves with every question too, so a stale one is looked at closer: only
// when somebody else changed the very fields that were changed here is it a conflict.

export type Settings = Record<string, unknown>;

const names = ['title', 'description', 'timeLimitMinutes', 'passingScore', 'shuffleQuestions', 'shuffleOptions', 'resultRelease',
  'releaseAt', 'requireEmailCode', 'reminders', 'opensAt', 'closesAt'];

export const settingNames: Record<string, string> = {
  title: 'Title', description: 'Description', timeLimitMinutes: 'Time limit', passingScore: 'Pass at', shuffleQuestions: 'Shuffle questions',
  shuffleOptions: 'Shuffle options', resultRelease: 'Candidates see', releaseAt: 'From', requireEmailCode: 'Code by e-mail',
  reminders: 'Reminders', opensAt: 'Opens', closesAt: 'Closes',
};

export interface SettingsHost {
  api: string;
  told(s: Saver): void;
  saved(): void;
  conflict(form: SettingsForm, mine: Settings, theirs: Settings): void;
}

export class SettingsForm implements Source {
  readonly saver: Saver;
  private base: Settings;
  private behind = false;
  private stamps = new Map<HTMLInputElement, [shown: string, exact: string]>();

  constructor(readonly el: HTMLFormElement, private etag: string, private host: SettingsHost) {
    for (const field of el.querySelectorAll<HTMLInputElement>('[data-utc]')) this.setTime(field, field.dataset.utc || null);
    this.base = this.form();
    this.saver = new Saver(this, host.told);
    this.bind();
    this.paint();
    // The server's page knows neither the reader's zone nor how far the slider is filled.
    document.addEventListener('page:refresh', () => this.paint());
  }

  private field<T extends HTMLElement = HTMLInputElement>(name: string): T {
    return this.el.querySelector<T>(`[name="${name}"]`)!;
  }

  private get mode(): string {
    return this.el.querySelector<HTMLInputElement>('input[name="release"]:checked')?.value ?? 'hold';
  }

  form(): Settings {
    const text = (name: string): string => this.field(name).value;
    const ticked = (name: string): boolean => this.field(name).checked;
    const hold = this.mode === 'hold';
    return {
      title: text('title'), description: text('description'), timeLimitMinutes: Number(text('timeLimitMinutes')),
      passingScore: Number(text('passingScore').replace(',', '.')), shuffleQuestions: ticked('shuffleQuestions'),
      shuffleOptions: ticked('shuffleOptions'), resultRelease: hold ? 'none' : text('resultRelease'),
      releaseAt: this.mode === 'at' ? this.time('releaseAt') : null, requireEmailCode: ticked('requireEmailCode'),
      reminders: ticked('reminders'), opensAt: this.time('opensAt'), closesAt: this.time('closesAt'),
    };
  }

  /** A field of minutes would cut the seconds off a time that nobody touched. */
  private time(name: string): string | null {
    const field = this.field(name);
    if (!field.value) return null;
    const stamp = this.stamps.get(field);
    return stamp && stamp[0] === field.value ? stamp[1] : new Date(field.value).toISOString();
  }

  private setTime(field: HTMLInputElement, exact: string | null): void {
    if (!exact) return void (field.value = '');
    const at = new Date(exact);
    field.value = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    this.stamps.set(field, [field.value, exact]);
  }

  changes(): object | null | 'invalid' {
    const form = this.form();
    if (!this.valid(form)) return 'invalid';
    return changed(this.base, form);
  }

  private valid(f: Settings): boolean {
    clearErrors(this.el);
    let ok = true;
    const wrong = (name: string, message: string): void => {
      ok = false;
      fieldError(this.el, name, message);
    };
    const minutes = f.timeLimitMinutes as number;
    if ((f.title as string).trim() === '') wrong('title', 'Give the assessment a title.');
    if (!Number.isInteger(minutes) || minutes < 1 || minutes > 600) wrong('timeLimitMinutes', 'Give between 1 and 600 minutes.');
    const pass = f.passingScore as number;
    if (!isDecimal(this.field('passingScore').value) || pass < 0 || pass > 100) wrong('passingScore', 'Give a score between 0 and 100.');
    if (this.mode === 'at' && !f.releaseAt) wrong('releaseAt', 'Choose a date and time.');
    if (f.opensAt && f.closesAt && (f.closesAt as string) <= (f.opensAt as string)) wrong('closesAt', 'Let it close after it opens.');
    return ok;
  }

  /** moved says that the edition went on because of the questions: it is asked for before the next change is sent. */
  moved(): void {
    this.behind = true;
  }

  async send(changes: object): Promise<void> {
    if (this.behind && !(await this.stale(changes))) throw new Held();
    this.behind = false;
    const form = this.form();
    const { data } = await call<Settings>('PATCH', this.host.api, changes, { ifMatch: this.etag });
    this.etag = data.etag as string;
    this.base = form;
    this.host.saved();
  }

  async stale(changes: object): Promise<boolean> {
    const { data } = await call<Settings>('GET', this.host.api);
    const theirs = pick(data);
    const moved = changed(this.base, theirs) ?? {};
    const both = Object.keys(moved).filter((name) => name in changes && !same(theirs[name], (changes as Settings)[name]));
    if (both.length) {
      this.host.conflict(this, { ...(changes as Settings) }, data);
      return false;
    }
    this.take(moved, Object.keys(changes));
    this.etag = data.etag as string;
    return true;
  }

  /** take shows what others changed, except what is being changed here. */
  take(theirs: Settings, except: string[] = []): void {
    for (const [name, value] of Object.entries(theirs)) {
      this.base[name] = value;
      if (!except.includes(name)) this.fill(name, value, theirs);
    }
    this.paint();
  }

  private fill(name: string, value: unknown, all: Settings): void {
    const field = this.el.querySelector<HTMLInputElement | HTMLSelectElement>(`[name="${name}"]`);
    if (name === 'resultRelease' || name === 'releaseAt') {
      const policy = (all.resultRelease ?? this.base.resultRelease) as string;
      const at = (all.releaseAt ?? this.base.releaseAt) as string | null;
      const mode = policy === 'none' ? 'hold' : at ? 'at' : 'now';
      const radio = this.el.querySelector<HTMLInputElement>(`input[name="release"][value="${mode}"]`);
      if (radio) radio.checked = true;
    }
    if (!field) return;
    if (field instanceof HTMLInputElement && field.dataset.utc !== undefined) this.setTime(field, value as string | null);
    else if (field instanceof HTMLInputElement && field.type === 'checkbox') field.checked = value === true;
    else if (!(name === 'resultRelease' && value === 'none')) field.value = String(value ?? '');
  }

  /** decide ends a conflict: mine goes over theirs, or theirs stays and mine is dropped. */
  decide(keepMine: boolean, mine: Settings, theirs: Settings): void {
    this.etag = theirs.etag as string;
    this.take(pick(theirs), keepMine ? Object.keys(mine) : []);
    this.saver.settled();
  }

  /** put writes values over what the server has, and shows them. What is being typed elsewhere in the form stays. */
  async put(values: Settings): Promise<void> {
    await this.saver.flush();
    const { data: now } = await call<Settings>('GET', this.host.api);
    const { data } = await call<Settings>('PATCH', this.host.api, values, { ifMatch: now.etag as string });
    const typing = Object.keys(changed(this.base, this.form()) ?? {}).filter((name) => !(name in values));
    this.etag = data.etag as string;
    this.take(pick(data), typing);
    this.host.saved();
  }

  refused(p: Problem): void {
    showRefusal(this.el, p, 'title');
  }

  private bind(): void {
    const { el } = this;
    el.addEventListener('submit', (e) => e.preventDefault());
    el.addEventListener('input', (e) => {
      const range = (e.target as Element).closest<HTMLInputElement>('[data-range-for]');
      if (range) this.field('passingScore').value = range.value;
      this.paint();
      this.saver.touch();
    });
    el.addEventListener('click', (e) => {
      const by = (e.target as Element).closest<HTMLElement>('[data-step]');
      if (by) step(by);
    });
    bindMarkdown(el);
  }

  private paint(): void {
    const zone = this.el.querySelector('[data-zone]');
    if (zone) zone.textContent = `, ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
    const hold = this.mode === 'hold';
    this.el.querySelector<HTMLElement>('[data-release-more]')!.hidden = hold;
    this.el.querySelector<HTMLElement>('[data-release-at]')!.hidden = this.mode !== 'at';
    const range = this.el.querySelector<HTMLInputElement>('[data-range-for]')!;
    const pass = this.field('passingScore').value.replace(',', '.');
    if (isDecimal(pass)) range.value = pass;
    range.style.setProperty('--v', `${range.value}%`);
  }
}

function pick(data: Settings): Settings {
  const of: Settings = {};
  for (const name of names) of[name] = data[name] ?? null;
  return of;
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  return typeof a === 'string' && typeof b === 'string' && /^\d{4}-\d\d-\d\dT/.test(a) && Date.parse(a) === Date.parse(b);
}

function changed(from: Settings, to: Settings): Settings | null {
  const list = names.filter((name) => !same(from[name], to[name]));
  return list.length ? Object.fromEntries(list.map((name) => [name, to[name]])) : null;
}
