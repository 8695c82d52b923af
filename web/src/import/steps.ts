// The lane of steps above everything: where the import stands, in four words.
import { h } from './dom.ts';

export interface Step { small: string; state: '' | 'done' | 'now' | 'care' }

const names = ['Upload', 'Columns', 'Check rows', 'Import'];

export function drawSteps(list: HTMLElement, steps: Step[]): void {
  list.replaceChildren(...steps.map((s, i) => h('li', {
    class: s.state === 'done' ? 'done' : s.state === 'care' ? 'care' : null, 'aria-current': s.state === 'now' || s.state === 'care' ? 'step' : null,
  }, names[i]!, h('small', {}, s.small))));
}
