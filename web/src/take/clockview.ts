import { exact, lastMinutes, minutes, type ServerClock, Warnings } from './clock.ts';
import { must, text } from './dom.ts';
import type { Prefs } from './prefs.ts';
import { writePrefs } from './prefs.ts';
import type { Voice } from './view.ts';
import type { Words } from './words.ts';

/** The clock of the page: whole minutes, and to the second at the end. It ticks in silence. */
export class ClockView {
  private readonly button = must<HTMLButtonElement>('[data-clock]');
  private readonly label = must('[data-clock-text]');
  private readonly low = must('[data-strip="low"]');
  private readonly warnings = new Warnings();

  constructor(private readonly clock: ServerClock, private readonly prefs: Prefs, private readonly words: Words, private readonly voice: Voice) {
    this.button.addEventListener('click', () => {
      prefs.clock = !prefs.clock;
      writePrefs(prefs);
      this.tick();
    });
  }

  /** Shows the time; gives how long, in ms, until it would show another one. */
  tick(): number {
    const left = this.clock.left();
    const soon = left <= lastMinutes;
    const said = soon ? this.words.say('clock_exact', { time: exact(left) }) : this.words.say('clock', { n: minutes(left) });
    text(this.label, this.prefs.clock ? said : this.words.say('clock_hidden'));
    const label = this.prefs.clock ? this.words.say('clock_hide', { left: said }) : this.words.say('clock_show');
    if (this.button.getAttribute('aria-label') !== label) this.button.setAttribute('aria-label', label);
    this.button.classList.toggle('soon', soon && this.prefs.clock);
    this.low.hidden = !soon || left <= 0;
    const due = this.warnings.due(left);
    if (due) this.voice.say(this.words.say(due === 5 ? 'five' : 'one'));
    return left <= 0 ? 0 : soon ? left % 1000 || 1000 : Math.min(1000, left % 60_000 || 60_000);
  }
}
