import type { Mode, Saver } from './saver.ts';
import { el, icon } from '../lib/dom.ts';
import { clockTime } from './part.ts';

// The board shows, in one line, where all that was typed stands; the worst of it counts.

const order: Mode[] = ['conflict', 'gone', 'signed-out', 'kept', 'invalid', 'saving', 'saved'];
const icons: Record<Mode, string> = {
  conflict: 'alert', gone: 'alert', 'signed-out': 'alert', kept: 'offline', invalid: 'alert', saving: 'refresh', saved: 'saved',
};

export class Board {
  private savers = new Set<Saver>();
  private at: Date | null = null;
  private ticking = 0;

  constructor(private line: HTMLElement) {
    window.addEventListener('beforeunload', (e) => {
      if (!this.dirty) return;
      void this.flush();
      e.preventDefault();
    });
    window.addEventListener('online', () => void this.flush());
    document.addEventListener('visibilitychange', () => {
      // Going away is a moment to save, and coming back one to try again: perhaps to sign in was what was missing.
      if (this.dirty) void this.flush();
    });
    line.addEventListener('click', (e) => {
      if ((e.target as Element).closest('[data-save-now]')) void this.flush();
    });
  }

  get dirty(): boolean {
    return [...this.savers].some((s) => s.dirty);
  }

  /** told takes a saver's new state. */
  told = (s: Saver): void => {
    if (s.dirty) this.savers.add(s);
    else this.savers.delete(s);
    if (s.state.at) this.at = s.state.at;
    this.show();
  };

  async flush(): Promise<void> {
    await Promise.all([...this.savers].map((s) => s.flush()));
  }

  private worst(): { mode: Mode; retryAt?: number } {
    let worst: { mode: Mode; retryAt?: number } = { mode: 'saved' };
    for (const s of this.savers) if (order.indexOf(s.state.mode) < order.indexOf(worst.mode)) worst = s.state;
    return worst;
  }

  private show(): void {
    const { mode, retryAt } = this.worst();
    clearTimeout(this.ticking);
    const text = document.createElement('span');
    text.dataset.saveText = '';
    text.textContent = this.words(mode);
    const parts: Node[] = [text];
    if (mode === 'kept' && retryAt) {
      const rest = document.createElement('span');
      rest.setAttribute('aria-hidden', 'true'); // a count-down read aloud would drown everything else
      rest.textContent = `, trying again in ${Math.max(1, Math.ceil((retryAt - Date.now()) / 1000))} s`;
      text.append(rest);
      this.ticking = window.setTimeout(() => this.show(), 500);
    }
    if (mode === 'kept' || mode === 'signed-out') parts.push(this.button());
    this.line.dataset.state = mode;
    this.line.classList.toggle('wait', mode !== 'saved' && mode !== 'saving');
    this.line.classList.toggle('bad', mode === 'conflict' || mode === 'gone');
    // Only what changed is replaced, so that a screen reader hears each state once and the button keeps the focus.
    if (this.line.dataset.shown === mode && mode === 'kept') {
      this.line.querySelector('[data-save-text]')?.replaceWith(text);
      return;
    }
    this.line.dataset.shown = mode;
    this.line.replaceChildren(icon(icons[mode]), ...parts);
  }

  private words(mode: Mode): string {
    switch (mode) {
      case 'saved':
        return this.at ? `Saved ${clockTime(this.at)}` : 'Saved';
      case 'saving':
        return 'Saving';
      case 'kept':
        return 'Kept in this tab';
      case 'invalid':
        return 'Not saved yet: see the marked field';
      case 'signed-out':
        return 'Signed out. Kept in this tab: sign in in another tab';
      case 'gone':
        return 'Cannot be saved here any more';
      case 'conflict':
        return 'Changed elsewhere, both kept';
    }
  }

  private button(): HTMLElement {
    return el('button', { type: 'button', class: 'link-btn', 'data-save-now': true }, 'Save now');
  }
}
