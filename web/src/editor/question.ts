import { call, type Problem } from '../lib/api.ts';
import { confirm } from '../lib/dialog.ts';
import { bindChips, chipTexts } from './chips.ts';
import { clearErrors, fieldError, isDecimal, showRefusal, step } from './form.ts';
import { bindMarkdown } from './markdown.ts';
import { addRow, bindOptions, markOf, paint, rows, setMultiple, textOf } from './options.ts';
import { Saver, type Source } from './saver.ts';
import { alike, choiceTypes, difference, type Form, formOf, kindNames, type Key, type Question, whole } from './shape.ts';

// A pane is one question in its form. The form is the state: what it says and the server has not, is sent.

export interface Host {
  api: string; // of the assessment
  told(s: Saver): void;
  saved(pane: Pane): void;
  conflict(pane: Pane, theirs: Question): void;
}

export class Pane implements Source {
  readonly id: string;
  readonly saver: Saver;
  etag: string;
  private base: Form;

  constructor(readonly el: HTMLElement, private host: Host) {
    this.id = el.dataset.question!;
    this.etag = el.dataset.etag!;
    paint(el);
    this.base = this.form();
    this.saver = new Saver(this, host.told);
    this.bind();
    this.hintRange();
  }

  get position(): number {
    return Number(this.el.dataset.position);
  }

  get type(): string {
    return this.el.dataset.type!;
  }

  /** form is what the fields say now. Empty options are left out: they are places to write in. */
  form(): Form {
    const choice = choiceTypes.includes(this.type);
    const filled = choice ? rows(this.el).filter((r) => textOf(r).value.trim() !== '') : [];
    return {
      type: this.type,
      prompt: this.value('prompt'),
      options: filled.map((r) => ({ id: r.dataset.option!, text: textOf(r).value })),
      points: plain(this.value('points')),
      tags: chipTexts(this.el.querySelector<HTMLElement>('[data-chips="tags"]')!),
      difficulty: this.el.querySelector<HTMLElement>('[data-difficulty][aria-pressed="true"]')?.dataset.difficulty ?? '',
      explanation: this.value('explanation'),
      creditRule: this.type === 'multiple_choice' ? this.value('creditRule') : 'exact',
      answerKey: this.key(filled),
    };
  }

  private key(filled: HTMLElement[]): Key | null {
    const right = filled.filter((r) => markOf(r).checked).map((r) => r.dataset.option!);
    switch (this.type) {
      case 'single_choice':
        return right[0] ? { optionId: right[0] } : null;
      case 'multiple_choice':
        return right.length ? { optionIds: right } : null;
      case 'true_false': {
        const truth = this.el.querySelector<HTMLInputElement>('input[name="truth"]:checked')?.value;
        return truth ? { value: truth === 'true' } : null;
      }
      case 'short_text': {
        const accepted = chipTexts(this.el.querySelector<HTMLElement>('[data-chips="accepted"]')!);
        const ignore = this.el.querySelector<HTMLInputElement>('input[name="ignoreCase"]')!.checked;
        return accepted.length ? { accepted, caseSensitive: !ignore } : null;
      }
    }
    const value = this.value('value').trim();
    if (value === '') return null;
    return { value, tolerance: this.value('tolerance').trim() || '0', toleranceKind: this.value('toleranceKind') };
  }

  private value(name: string): string {
    return this.el.querySelector<HTMLInputElement>(`[name="${name}"]`)!.value;
  }

  changes(): object | null | 'invalid' {
    const form = this.form();
    if (!this.valid(form)) return 'invalid';
    return difference(this.base, form);
  }

  /** valid shows what keeps the form from being sent. */
  private valid(f: Form): boolean {
    clearErrors(this.el);
    let ok = true;
    const wrong = (name: string, message: string): void => {
      ok = false;
      fieldError(this.el, name, message);
    };
    if (f.prompt.trim() === '') wrong('prompt', 'Write the question. What was here before is kept until you do.');
    if (choiceTypes.includes(f.type) && f.options.length < 2) wrong('options', 'Give the question at least 2 options.');
    const points = Number(f.points);
    if (!isDecimal(f.points as string) || points < 0 || points > 1000) wrong('points', 'Give a number from 0 to 1,000.');
    if (f.type === 'numeric') {
      const k = f.answerKey;
      if (k && !isDecimal(k.value as string)) wrong('value', 'Write one number, such as 12.5, without separators for thousands.');
      else if (k && (!isDecimal(k.tolerance!) || k.tolerance!.startsWith('-'))) wrong('value', 'Give an allowed difference of 0 or more.');
    }
    return ok;
  }

  async send(changes: object): Promise<void> {
    const form = this.form();
    const sent = rows(this.el).filter((r) => textOf(r).value.trim() !== '');
    const { data } = await call<Question>('PATCH', this.path, changes, { ifMatch: this.etag });
    this.adopt(data, form, 'options' in changes ? sent : []);
    this.host.saved(this);
  }

  private get path(): string {
    return `${this.host.api}/questions/${this.id}`;
  }

  /** adopt takes the ids that the server gave to new options, so that the next change names them right. */
  private adopt(q: Question, form: Form, sent: HTMLElement[]): void {
    this.etag = this.el.dataset.etag = q.etag!;
    const given = new Map<string, string>();
    if (sent.length === q.options.length) {
      sent.forEach((row, i) => {
        given.set(row.dataset.option!, q.options[i]!.id);
        row.dataset.option = q.options[i]!.id;
      });
    }
    const now = (id: string): string => given.get(id) ?? id;
    const k = form.answerKey;
    this.base = { ...form, options: form.options.map((o) => ({ ...o, id: now(o.id) })),
      answerKey: k && { ...k, ...(k.optionId && { optionId: now(k.optionId) }), ...(k.optionIds && { optionIds: k.optionIds.map(now) }) } };
  }

  async stale(): Promise<boolean> {
    const { data } = await call<Question>('GET', this.path);
    const mine = this.form();
    const theirs = formOf(data);
    if (alike(mine, theirs)) {
      // Ours had arrived, and only the answer to it was lost.
      this.adopt(data, mine, rows(this.el).filter((r) => textOf(r).value.trim() !== ''));
      return true;
    }
    if (alike(this.base, theirs)) {
      this.etag = this.el.dataset.etag = data.etag!; // only the edition moved: nobody's words are at stake
      return true;
    }
    this.host.conflict(this, data);
    return false;
  }

  /** keepMine puts all that is written here in the place of theirs. */
  async keepMine(theirs: Question): Promise<void> {
    const form = this.form();
    const sent = rows(this.el).filter((r) => textOf(r).value.trim() !== '');
    const { data } = await call<Question>('PATCH', this.path, whole(form), { ifMatch: theirs.etag });
    this.adopt(data, form, choiceTypes.includes(form.type) ? sent : []);
    this.saver.settled();
    this.host.saved(this);
  }

  refused(p: Problem): void {
    showRefusal(this.el, p, 'prompt');
  }

  private touch = (): void => {
    this.saver.touch();
  };

  private bind(): void {
    const { el } = this;
    el.addEventListener('input', (e) => {
      if ((e.target as Element).closest('[data-kind-select]')) return;
      this.hintRange();
      this.touch();
    });
    el.addEventListener('change', (e) => {
      const select = (e.target as Element).closest<HTMLSelectElement>('[data-kind-select]');
      if (select) void this.retype(select.value);
    });
    el.addEventListener('click', (e) => {
      const at = e.target as Element;
      const kind = at.closest<HTMLElement>('[data-kind]');
      if (kind) void this.retype(kind.dataset.kind!);
      const level = at.closest<HTMLElement>('[data-difficulty]');
      if (level) {
        for (const b of el.querySelectorAll('[data-difficulty]')) b.setAttribute('aria-pressed', String(b === level));
        this.touch();
      }
      const by = at.closest<HTMLElement>('[data-step]');
      if (by) step(by);
    });
    bindChips(el, this.touch);
    bindOptions(el, this.touch);
    bindMarkdown(el);
  }

  /** retype changes the type: the text stays, and what the new type has no place for is asked about first. */
  private async retype(to: string): Promise<void> {
    const from = this.type;
    if (to === from) return;
    const loss = this.loss(to);
    if (loss && !(await confirm({ title: `Change to ${kindNames[to]}?`, body: `The question's text stays. ${loss}`,
      action: 'Change the type', keep: `Keep ${kindNames[from]}` }))) {
      this.paintKind();
      return;
    }
    this.el.dataset.type = to;
    if (choiceTypes.includes(to)) {
      const marked = rows(this.el).filter((r) => markOf(r).checked);
      if (to === 'single_choice' && marked.length > 1) for (const r of marked) markOf(r).checked = false;
      setMultiple(this.el, to === 'multiple_choice');
      while (rows(this.el).length < 2 && addRow(this.el));
    }
    this.paintKind();
    this.touch();
  }

  /** loss says what of the answers a change of type would drop; "" for nothing. */
  private loss(to: string): string {
    const f = this.form();
    const choice = choiceTypes.includes(f.type);
    if (choice && choiceTypes.includes(to)) {
      return to === 'single_choice' && (f.answerKey?.optionIds?.length ?? 0) > 1 ? 'Only one option can be correct then, so the marks go.' : '';
    }
    const written = f.answerKey || f.options.some((o) => !/^Option [A-Z]$/.test(o.text)); // else it is what a new question comes with
    if (choice && f.options.length && written) return `Its ${f.options.length} options and what is marked correct go.`;
    return !choice && f.answerKey ? 'Its correct answer goes.' : '';
  }

  private paintKind(): void {
    for (const b of this.el.querySelectorAll<HTMLElement>('[data-kind]')) b.setAttribute('aria-pressed', String(b.dataset.kind === this.type));
    this.el.querySelector<HTMLSelectElement>('[data-kind-select]')!.value = this.type;
    for (const part of this.el.querySelectorAll<HTMLElement>('[data-for]')) part.hidden = !part.dataset.for!.split(' ').includes(this.type);
    clearErrors(this.el);
  }

  /** hintRange says between which numbers an answer is right. */
  private hintRange(): void {
    const hint = this.el.querySelector<HTMLElement>('[data-range-hint]')!;
    const value = Number(plain(this.value('value')));
    const tolerance = Number(plain(this.value('tolerance')) || '0');
    const typed = this.value('value').trim() !== '' && Number.isFinite(value) && Number.isFinite(tolerance) && tolerance >= 0;
    if (!typed) return void (hint.textContent = '12.5, 12,5 and 12.50 are the same to the server.');
    const margin = this.value('toleranceKind') === 'percent' ? (Math.abs(value) * tolerance) / 100 : tolerance;
    const round = (n: number): string => String(Number(n.toPrecision(12)));
    hint.textContent = margin === 0 ? `Only ${round(value)} is right, however it is written.` : `From ${round(value - margin)} to ${round(value + margin)} is right, both included.`;
  }
}

function plain(number: string): string {
  return number.trim().replace(',', '.');
}
