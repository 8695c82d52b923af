// Draws the page's stage for each state. What the person may be typing in is kept, not made anew.
import { baseAsk, sheetAsk } from './asks.ts';
import { button, bytes, count, h, icon, note, svg, syncChildren } from './dom.ts';
import { download, leftOutFile } from './leftout.ts';
import { columnsCard, mappedWord, readingCard } from './panel.ts';
import type { ImportPage } from './page.ts';
import type { Show } from './model.ts';

const dashes = 30; // of the bar that shows right against wrong

export class View {
  private stage = document.getElementById('import-stage')!;
  private first: Node[]; // the drop area as the server drew it
  private bar = h('section', { class: 'stickyfoot', 'aria-label': 'Import' });
  private side: { sign: string; node: HTMLElement } | null = null;
  private top = h('section', { class: 'card', 'aria-labelledby': 'sumh' });
  private troubles = h('div', {});
  private rowsHead = h('header', {});
  private two: HTMLElement;
  private dropped = false;

  constructor(private page: ImportPage) {
    this.first = [...this.stage.childNodes];
    this.pick(document.getElementById('import-file') as HTMLInputElement);
    const rows = h('section', { class: 'card', 'aria-labelledby': 'pvh' }, this.rowsHead, page.grid.region, this.keys());
    this.two = h('div', { class: 'work' }, h('div', { class: 'stack' }, this.troubles, this.top, rows), h('div', { class: 'side-card' }));
  }

  private pick(input: HTMLInputElement): void {
    input.addEventListener('change', () => {
      const files = [...(input.files ?? [])];
      input.value = ''; // the same file can be chosen again
      void this.page.choose(files);
    });
  }

  private picker(label: string, className: string, sign: string): HTMLElement {
    const input = h('input', { type: 'file', class: 'sr', accept: '.csv,.tsv,.txt,.xlsx,.xlsm', 'aria-label': label });
    this.pick(input);
    return h('label', { class: className }, input, icon(sign), label);
  }

  private keys(): HTMLElement {
    return h('div', { class: 'tfoot' }, h('span', { class: 'only-lg' }, h('kbd', {}, 'F8'), ' next problem'), h('span', { class: 'only-lg' }, h('kbd', {}, 'Shift'), ' ', h('kbd', {}, 'F8'), ' previous'),
      h('span', { class: 'right' }, 'Changes here change the import, not your file'));
  }

  // over shows that the file may be let go.
  over(over: boolean): void {
    if (over === this.dropped) return;
    this.dropped = over;
    document.getElementById('import-drop')?.classList.toggle('over', over);
    this.page.root.classList.toggle('dragging', over);
    const title = document.getElementById('import-drop-title'), text = document.getElementById('import-drop-text');
    if (title) title.textContent = over ? 'Let go to check this file' : 'Drop a CSV or XLSX file here';
    if (text) text.replaceChildren(...(over ? ['The file is read on your server. Nothing is saved yet.'] : ['or ', h('span', { class: 'choose' }, 'choose one from your computer')]));
  }

  draw(): void {
    const p = this.page.phase;
    const check = p === 'check' || p === 'importing' || p === 'columns';
    syncChildren(this.stage, check ? [this.two] : p === 'drop' ? this.first : this.simple());
    if (check) this.check();
    else this.bar.remove();
    this.page.root.setAttribute('aria-busy', String(this.page.busy || p === 'importing'));
  }

  private simple(): Node[] {
    const p = this.page, m = p.model;
    switch (p.phase) {
      case 'refused':
        return [note('bad', p.refusal!.title, p.refusal!.text, ...(p.refusal!.detail === '' ? [] : [h('button', { type: 'button', class: 'link-btn', 'data-copy': `${p.refusal!.title} ${p.refusal!.detail}` }, 'Copy error details')])), ...this.first];
      case 'sheet': return [sheetAsk(p.sheets, (sheet) => void p.read({ ...m.options, sheet }, 'changed')), this.again()];
      case 'base': return [baseAsk(p.readings, (answerBase) => void p.read({ ...m.options, answerBase }, 'kept')), this.again()];
      case 'done': return [this.finished()];
      default: return [this.trouble(), this.uploading()];
    }
  }

  private again(): HTMLElement {
    return h('div', { class: 'row wrap' }, button('btn', 'Cancel', () => void this.page.drop()), this.picker('Choose another file', 'btn', 'refresh'));
  }

  private trouble(): Node {
    const t = this.page.trouble;
    return t ? note(t.retry ? 'bad' : 'warn', t.title, t.text, ...(t.retry ? [button('link-btn', 'Try again', t.retry)] : [])) : h('div', { hidden: true });
  }

  private uploading(): HTMLElement {
    const p = this.page, m = p.model;
    return h('div', { class: 'card' }, h('div', { class: 'filebar' }, this.kind(), h('div', { class: 'grow' },
      h('div', { class: 'row between' }, h('span', { class: 'strong clip' }, m.name), h('span', { class: 'meta num', id: 'import-sent' }, `0 of ${bytes(m.size)}`)),
      h('progress', { class: 'progress', id: 'import-progress', max: 100, 'aria-label': 'Upload' })), button('btn', 'Cancel', () => void p.drop())));
  }

  // sent moves the upload's bar on.
  sent(): void {
    const bar = document.getElementById('import-progress'), text = document.getElementById('import-sent');
    const { sent, model } = this.page;
    if (!(bar instanceof HTMLProgressElement) || !text) return;
    if (sent >= 1) bar.removeAttribute('value'); // it is being read
    else bar.value = Math.round(sent * 100);
    text.textContent = sent >= 1 ? 'Reading it' : `${bytes(sent * model.size)} of ${bytes(model.size)}`;
  }

  private kind(): HTMLElement {
    const name = this.page.model.name.toUpperCase();
    return h('span', { class: 'ficon', 'aria-hidden': 'true' }, this.page.model.facts?.format.toUpperCase() ?? (name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).slice(0, 4) : 'FILE'));
  }

  private check(): void {
    this.troubles.replaceChildren(this.trouble());
    this.troubles.hidden = !this.page.trouble;
    this.summary();
    this.heading();
    this.page.grid.draw();
    this.columns();
    this.foot();
  }

  private summary(): void {
    const p = this.page, m = p.model, r = m.report;
    const open = (document.getElementById('import-reading') as HTMLDetailsElement | null)?.open ?? p.phase === 'columns';
    const focus = this.top.contains(document.activeElement) ? document.activeElement?.id ?? '' : '';
    const wrong = r ? r.rejected : 0, right = r ? r.accepted : 0;
    const big = h('p', { class: 'big', id: 'sumh', tabindex: -1 });
    if (r) {
      big.append(h('span', { class: 'num' }, right.toLocaleString('en')), ' right, ', h('span', { class: wrong > 0 ? 't-bad num' : 'num' }, wrong.toLocaleString('en')), ' to mend');
      if (r.warned > 0) big.append(h('span', { class: 'warned' }, ` ${count(r.warningCount, 'warning', 'warnings')}`));
    } else big.append(p.phase === 'columns' ? 'Which column is which?' : 'Checking the rows');
    const report = r && r.errorCount + r.warningCount > 0 ? h('a', { class: 'btn', href: `/api/v1/imports/${r.id}/errors.csv`, download: true }, icon('download'), 'Error report') : null;
    const checked = p.busy ? 'Checking…' : r ? `${m.total().toLocaleString('en')} of ${m.total().toLocaleString('en')} rows checked` : '';
    this.top.replaceChildren(
      h('div', { class: 'sum' }, h('div', {}, big, r && this.ratio(right, wrong)), report ?? ''),
      h('div', { class: 'filebar lined' }, this.kind(), h('div', { class: 'grow' },
        h('div', { class: 'row between' }, h('span', { class: 'strong clip' }, m.name), h('span', { class: 'meta num only-lg' }, checked)),
        h('progress', { class: 'progress ok', max: 100, value: p.busy || !r ? null : 100, 'aria-label': p.busy ? 'Checking rows' : 'Rows checked' })), this.picker('Replace file', 'btn', 'refresh')),
      readingCard(m, { map: (c, f) => p.map(c, f), asFound: () => p.asFound(), read: (o, rows) => void p.read(o, rows) }, open) ?? '');
    if (focus !== '') document.getElementById(focus)?.focus();
  }

  private ratio(right: number, wrong: number): SVGElement {
    const all = right + wrong;
    const bad = all === 0 || wrong === 0 ? 0 : Math.min(dashes - (right > 0 ? 1 : 0), Math.max(1, Math.round(dashes * wrong / all)));
    const wide = 620, each = (wide + 3) / dashes;
    return svg('svg', { class: 'ratio', viewBox: `0 0 ${wide} 8`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${right} of ${all} rows are right` },
      ...Array.from({ length: dashes }, (_, i) => svg('rect', { x: i * each, y: 0, width: each - 3, height: 8, rx: 2, class: i >= dashes - bad ? 'b' : '' })));
  }

  private heading(): void {
    const p = this.page, m = p.model, wrong = m.errorRows();
    const warned = [...m.warnings.keys()].filter((r) => m.state(r) === 'odd').length;
    const total = m.total() + m.leftOut.size;
    const seg = h('div', { class: 'seg right', role: 'group', 'aria-label': 'Show rows' });
    const choice = (show: Show, label: string, n: number): void => {
      seg.append(button('', label + ' ', () => { m.show = show; this.draw(); }, { 'aria-pressed': String(m.show === show), id: `show-${show}` }));
      seg.lastElementChild!.append(h('span', { class: 'count' }, n.toLocaleString('en')));
    };
    choice('all', 'All', total);
    choice('mend', 'To mend', m.report?.rejected ?? wrong);
    if (warned > 0 || m.show === 'warned') choice('warned', 'Warnings', warned);
    const focus = this.rowsHead.contains(document.activeElement) ? document.activeElement?.id ?? '' : '';
    const rows = [...m.errors.keys()].filter((r) => m.state(r) === 'wrong');
    this.rowsHead.replaceChildren(h('h2', { id: 'pvh' }, 'Rows'),
      wrong > 1 ? button('link-btn', `Leave out all ${wrong.toLocaleString('en')}`, () => p.leaveOut(rows), { id: 'leave-all' }) : '', m.report ? seg : '');
    if (focus !== '') (document.getElementById(focus) ?? p.grid.region).focus();
  }

  private columns(): void {
    const p = this.page, m = p.model;
    const sign = JSON.stringify([m.name, m.columns(), m.preview?.headerCells, m.mapping(), m.options.mapping, m.facts?.header, [...m.rows.keys()].slice(0, 3)]);
    if (this.side?.sign === sign) return;
    const focus = this.side?.node.contains(document.activeElement) ? document.activeElement?.id ?? '' : '';
    const node = columnsCard(m, { map: (c, f) => p.map(c, f), asFound: () => p.asFound(), read: (o, rows) => void p.read(o, rows) });
    this.side = { sign, node };
    this.two.lastElementChild!.replaceChildren(node);
    if (focus !== '') document.getElementById(focus)?.focus();
  }

  // foot is the bar with the one act of the page.
  foot(): void {
    const p = this.page, m = p.model, r = m.report;
    const n = r?.accepted ?? 0;
    const ready = r !== null && r.errorCount === 0 && n > 0 && !m.stale && !p.busy && p.phase === 'check';
    const focused = this.bar.contains(document.activeElement) ? document.activeElement?.id : '';
    this.bar.replaceChildren(
      h('span', { class: 'meta', id: 'import-why' }, this.why()), h('span', { class: 'right only-lg' }),
      button('btn', 'Cancel', () => void p.drop(), { id: 'import-cancel', disabled: p.phase === 'importing' }),
      button('btn primary', p.phase === 'importing' ? 'Importing…' : r ? `Import ${count(n, 'question', 'questions')}` : 'Import', () => void p.importAll(),
        { id: 'import-go', disabled: !ready, 'aria-describedby': 'import-why' }));
    if (!this.bar.isConnected) document.getElementById('main')!.after(this.bar);
    if (focused) document.getElementById(focused)?.focus();
  }

  private why(): string {
    const p = this.page, m = p.model, r = m.report;
    const out = m.leftOut.size > 0 ? ` ${count(m.leftOut.size, 'row stays', 'rows stay')} out.` : '';
    if (p.trouble && p.phase !== 'columns') return `${p.trouble.title} Everything is kept in this page.`;
    if (p.phase === 'importing') return 'Writing the questions. All of them are written, or none.';
    if (p.busy || m.stale && !p.trouble) return 'Checking the rows…';
    if (!r) return 'Nothing is imported yet.';
    if (r.rejected > 0) return `Mend or leave out ${count(r.rejected, 'row', 'rows')} first.${out}`;
    if (r.warningCount > 0) return `${count(r.warningCount, 'warning does', 'warnings do')} not stop the import.${out}`;
    return `Nothing is imported yet.${out}`;
  }

  private finished(): HTMLElement {
    const p = this.page, m = p.model, n = p.done!.accepted, out = m.leftOut.size;
    const to = `/app/assessments/${p.assessment}`;
    const left = out > 0 ? `${count(out, 'row was', 'rows were')} left out: ${out === 1 ? 'it is' : 'they are'} in a file of ${out === 1 ? 'its' : 'their'} own with the reason, ready to mend and drop in again. ` : '';
    const version = p.root.dataset.next ?? '1';
    return h('div', { class: 'card' }, h('div', { class: 'empty' }, h('span', { class: 'lane thick', 'aria-hidden': 'true' }, ...['done', 'done', 'done', 'done'].map((c) => h('i', { class: c }))),
      h('h2', { id: 'done-h', tabindex: -1 }, `${count(n, 'question is', 'questions are')} in the draft`),
      h('p', {}, `${left}Look at the questions as a candidate sees them, then publish version ${version}.`),
      h('div', { class: 'row wrap' }, h('a', { class: 'btn primary', href: to }, 'Go to the questions'),
        out > 0 ? this.leftOut(out) : '', this.picker('Import another file', 'btn', 'upload'))));
  }

  private leftOut(n: number): HTMLElement {
    const b = button('btn', '', () => download(leftOutFile(this.page.model), 'rows-left-out.csv'));
    b.append(icon('download'), `Rows left out (${n})`);
    return b;
  }

  matched(): string { return mappedWord(this.page.model); }

  // adopt brings what stands around this page up to date: the way to it and the tabs, with their counts.
  async adopt(): Promise<void> {
    const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
    if (!answer.ok) return; // they are right again on the next page
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const id of ['crumbs', 'tabs', 'nav', 'top-status']) {
      const old = document.getElementById(id), now = fresh.getElementById(id);
      if (old && now) old.replaceWith(now);
      else if (now && id === 'tabs') document.querySelector('header.top')?.after(now);
      else old?.remove();
    }
  }
}
