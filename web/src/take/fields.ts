import type { Answer } from './types.ts';

/** One question of the page: its fields, its flag, and what is said about it. */
export class Field {
  readonly id: string;
  readonly type: string;
  readonly ticks: HTMLInputElement[];
  readonly text: HTMLInputElement | null;
  readonly flag: HTMLInputElement;
  private readonly wrong: HTMLElement;
  private readonly clearing: HTMLButtonElement;
  private readonly room: HTMLElement | null;

  constructor(readonly article: HTMLElement, readonly number: number) {
    this.id = article.dataset['q'] ?? '';
    const fields = article.querySelector<HTMLElement>('[data-question]');
    this.type = fields?.dataset['type'] ?? '';
    this.ticks = [...(fields?.querySelectorAll<HTMLInputElement>('input.tick') ?? [])];
    this.text = fields?.querySelector<HTMLInputElement>('input.input') ?? null;
    this.flag = article.querySelector<HTMLInputElement>('.flag input') as HTMLInputElement;
    this.wrong = article.querySelector('[data-wrong]') as HTMLElement;
    this.clearing = article.querySelector('[data-clear]') as HTMLButtonElement;
    this.room = article.querySelector('[data-room]');
  }

  read(): Answer {
    if (this.text) return this.text.value.trim() === '' ? null : this.type === 'numeric' ? this.text.value.trim() : this.text.value;
    const chosen = this.ticks.filter((t) => t.checked).map((t) => t.value);
    if (this.type === 'multiple_choice') return chosen.length === 0 ? null : chosen.sort();
    const [one] = chosen;
    if (one === undefined) return null;
    return this.type === 'true_false' ? one === 'true' : one;
  }

  write(answer: Answer, flagged: boolean): void {
    this.flag.checked = flagged;
    if (this.text) {
      const value = typeof answer === 'string' ? answer : '';
      // What stands there with a space at its end is the same answer: the caret stays where it is.
      if (this.text.value.trim() !== value.trim()) this.text.value = value;
    } else {
      const chosen = Array.isArray(answer) ? answer : [String(answer)];
      for (const tick of this.ticks) tick.checked = chosen.includes(tick.value);
    }
    this.show(answer !== null);
  }

  /** Shows what goes with the answer: the button that takes it back, the room that is left. */
  show(answered: boolean): void {
    this.clearing.classList.toggle('off', !answered);
    this.clearing.disabled = !answered;
  }

  roomLeft(): number {
    return 1000 - [...(this.text?.value ?? '')].length;
  }

  showRoom(words: string): void {
    if (!this.room) return;
    this.room.hidden = words === '';
    this.room.textContent = words;
  }

  /** Says why the answer is not saved; "" for nothing wrong. */
  showWrong(why: string): void {
    if (this.wrong.textContent === why) return;
    this.wrong.textContent = why;
    const target = this.text ?? this.article.querySelector('fieldset');
    if (!target) return;
    const others = (target.getAttribute('aria-describedby') ?? '').split(' ').filter((id) => id && id !== this.wrong.id);
    target.setAttribute('aria-describedby', [...others, ...(why ? [this.wrong.id] : [])].join(' '));
    if (this.text) this.text.setAttribute('aria-invalid', String(why !== ''));
  }

  /** The answer in words, for the list of what was not sent. */
  tell(answer: Answer, truth: (t: boolean) => string): string {
    if (typeof answer === 'boolean') return truth(answer);
    const of = (value: string) => this.ticks.find((t) => t.value === value)?.closest('label')?.querySelector('.grow')?.textContent?.trim() ?? value;
    if (Array.isArray(answer)) return answer.map(of).join('; ');
    return answer === null ? '' : this.text ? answer : of(answer);
  }
}

/** A number as the server reads it: one sign, one separator, an exponent. */
export function isNumber(text: string): boolean {
  return text.length <= 100 && /^[+\-\u2212]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d{1,2})?$/.test(text.trim());
}
