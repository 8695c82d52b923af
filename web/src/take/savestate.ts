import { must, text } from './dom.ts';
import type { Queue } from './queue.ts';
import type { Store } from './store.ts';
import type { Voice } from './view.ts';
import type { Words } from './words.ts';

/** What the page says of saving, always: saved and when, on its way, kept here. */
export class SaveState {
  private readonly box = must('[data-save]');
  private readonly label = must('[data-save-text]');
  private readonly offline = must('[data-strip="offline"]');
  private readonly back = must('[data-strip="back"]');
  private readonly memory = must('[data-strip="memory"]');
  private was: 'saved' | 'saving' | 'stuck' = 'saved';
  private wasStuck = false; // and something was kept meanwhile
  private hideBack: number | undefined;

  constructor(private readonly queue: Queue, private readonly store: Store, private readonly words: Words, private readonly voice: Voice) {}

  show(): void {
    const now = this.queue.state();
    const stuck = now.kind === 'stuck';
    const wait = stuck || now.refused > 0;
    this.box.classList.toggle('wait', wait);
    this.icon(wait ? 'offline' : 'saved');
    text(this.label, stuck ? this.kept(now.pending) : now.refused > 0 ? this.words.say('not_saved', { n: now.refused }) : now.kind === 'saving' ? this.words.say('saving') : this.saved());
    this.memory.hidden = this.store.lasting;
    this.strip(stuck, now.pending, now.reached);
    this.was = now.kind;
  }

  private kept(pending: number): string {
    return pending === 0 || innerWidth <= 900 ? this.words.say('kept') : this.words.say('kept_n', { n: pending });
  }

  private saved(): string {
    const at = this.queue.savedAt;
    if (at === undefined || innerWidth <= 900) return this.words.say('saved');
    const seconds = Math.max(0, Math.round((performance.now() - at) / 1000));
    const ago = seconds < 60 ? this.words.say('seconds_short', { n: seconds }) : this.words.say('minutes_short', { n: Math.floor(seconds / 60) });
    return this.words.say('saved_ago', { ago });
  }

  private strip(stuck: boolean, pending: number, reached: boolean): void {
    if (stuck) {
      const title = this.words.say(navigator.onLine || reached ? 'dead_title' : 'offline_title');
      const body = pending === 0 ? this.words.say('offline_none') : this.words.say(this.store.lasting ? 'offline_text' : 'offline_memory', { n: pending });
      text(must('[data-strip-title]'), title);
      text(must('[data-strip-text]'), body);
      this.offline.hidden = false;
      this.back.hidden = true;
      if (this.was !== 'stuck' && !this.wasStuck) this.voice.urgent(`${title} ${body}`);
      this.wasStuck = true;
      return;
    }
    this.offline.hidden = true;
    if (!this.wasStuck || pending > 0) return;
    this.wasStuck = false;
    this.back.hidden = false;
    this.voice.say(this.words.say('back'));
    clearTimeout(this.hideBack);
    this.hideBack = window.setTimeout(() => { this.back.hidden = true; }, 8000);
  }

  private icon(name: string): void {
    const use = this.box.querySelector('use');
    const href = use?.getAttribute('href') ?? '';
    const next = href.replace(/#.*$/, `#${name}`);
    if (use && next !== href) use.setAttribute('href', next);
  }
}
