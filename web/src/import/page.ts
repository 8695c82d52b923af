// The import page: takes a file, lets the server read it again after each change, and imports it when nothing is wrong with it.
import { newKey, Problem } from '../lib/api.ts';
import { confirm } from '../lib/dialog.ts';
import { toast } from '../lib/toast.ts';
import { bytes, count } from './dom.ts';
import { Grid } from './grid.ts';
import { Model } from './model.ts';
import { OwnDraft } from './owndraft.ts';
import { Cancelled, send, type Sending } from './send.ts';
import { drawSteps, type Step } from './steps.ts';
import { maxUpload, formRoom, previewRows, type Options, type Reading, type Report } from './types.ts';
import { View } from './view.ts';

type Phase = 'drop' | 'reading' | 'refused' | 'sheet' | 'base' | 'columns' | 'check' | 'importing' | 'done';

// The state of the page, and every way from one to another.
export class ImportPage {
  readonly model = new Model();
  readonly grid: Grid;
  phase: Phase = 'drop';
  busy = false; // a check is on its way
  sent = 0; // bytes of the first upload
  trouble: { title: string; text: string; retry?: () => void } | null = null;
  refusal: { title: string; text: string; detail: string } | null = null;
  sheets: string[] = [];
  readings: Reading[] = [];
  done: Report | null = null;
  private from = 0; // the first row without a problem that the next check shows
  private timer = 0;
  private sending: Sending<Report> | null = null;
  private turn = 0; // counts checks, so that an answer that came too late is dropped
  private importKey: { form: string; key: string } | null = null;
  private own = new OwnDraft();
  private view: View;
  private live: HTMLElement;

  constructor(readonly root: HTMLElement) {
    this.live = document.getElementById('import-live')!;
    this.grid = new Grid(this.model, {
      edited: (row, column, value, settled) => this.edited(row, column, value, settled),
      undo: (row) => this.change(() => this.model.undoEdits(row)),
      leaveOut: (rows) => this.leaveOut(rows),
      bringBack: (row) => this.change(() => this.model.bringBack([row])),
      open: (from, to) => void this.open(from, to),
    });
    this.view = new View(this);
    this.listen();
    this.draw();
  }

  get assessment(): string { return this.root.dataset.assessment ?? ''; }

  private listen(): void {
    addEventListener('beforeunload', (e) => { if (this.unfinished()) e.preventDefault(); });
    addEventListener('online', () => { this.trouble?.retry?.(); });
    document.addEventListener('keydown', (e) => {
      if (e.key !== 'F8' || this.phase !== 'check') return;
      e.preventDefault();
      if (!this.grid.problem(e.shiftKey ? -1 : 1)) this.say('There is no problem left.');
    });
    let depth = 0;
    const files = (e: DragEvent): boolean => (this.phase === 'drop' || this.phase === 'refused' || this.phase === 'check') && (e.dataTransfer?.types.includes('Files') ?? false);
    document.addEventListener('dragenter', (e) => { if (files(e)) this.view.over(++depth > 0); });
    document.addEventListener('dragleave', (e) => { if (files(e)) this.view.over(--depth > 0); });
    document.addEventListener('dragover', (e) => { if (files(e)) e.preventDefault(); });
    document.addEventListener('drop', (e) => {
      if (!files(e)) return;
      e.preventDefault();
      this.view.over((depth = 0) > 0);
      void this.choose([...(e.dataTransfer?.files ?? [])]);
    });
  }

  private unfinished(): boolean { return this.model.file !== null && this.phase !== 'done' && this.phase !== 'refused' && this.phase !== 'drop'; }

  say(text: string): void { this.live.textContent = text; }

  // choose takes the file that was dropped or picked. It is copied into the page, so that it may change or go on the disk.
  async choose(files: File[]): Promise<void> {
    const file = files[0];
    if (!file) return;
    if (files.length > 1) return this.refuse(`${files.length} files were dropped.`, 'Drop one file at a time.', '');
    if (file.size > maxUpload - formRoom) {
      return this.refuse(`“${file.name}” is larger than 20 MiB.`, `It has ${bytes(file.size)}. Split it into smaller files and import them one after the other.`, '');
    }
    if (this.model.changed() > 0 && this.phase === 'check' && !await this.mayDrop('Replace the file?', 'Replace it')) return;
    let copy: Blob;
    try {
      copy = new Blob([await file.arrayBuffer()]);
    } catch {
      return this.refuse(`“${file.name}” could not be read.`, 'Your browser cannot open it: it may be a folder, or have been moved. Choose the file itself.', '');
    }
    this.model.take(file.name, copy);
    this.fresh();
    this.start();
  }

  private mayDrop(title: string, action: string): Promise<boolean> {
    return confirm({
      title, body: `${count(this.model.changed(), 'change', 'changes')} that you made here will be gone. Nothing has been imported.`,
      action, keep: 'Keep them', danger: true,
    });
  }

  private fresh(): void {
    this.grid.reset();
    this.from = 0;
    this.trouble = null;
    this.refusal = null;
    this.done = null;
    this.importKey = null; // another file is another import
  }

  private start(): void {
    this.sent = 0;
    this.phase = 'reading';
    this.draw();
    this.check(0);
  }

  private refuse(title: string, text: string, detail: string): void {
    if (this.phase === 'check') { // the file that is being mended stays
      toast(`${title} ${text}`, { tone: 'bad' });
      this.say(`${title} ${text}`);
      return;
    }
    this.model.file = null;
    this.refusal = { title, text: `Nothing was imported${this.assessment === '' ? '' : ' and your draft is unchanged'}. ${text}`, detail };
    this.phase = 'refused';
    this.draw();
  }

  async drop(): Promise<void> {
    if (this.model.changed() > 0 && !await this.mayDrop('Stop this import?', 'Stop it')) return;
    this.stop();
    this.model.file = null;
    this.model.reread({});
    this.fresh();
    this.phase = 'drop';
    this.draw();
    document.getElementById('import-file')?.focus();
    await this.dropDraft();
  }

  private async dropDraft(): Promise<void> {
    if (await this.own.drop()) await this.belong('');
  }

  // belong says which assessment the page now imports into; "" for one that is still to be made.
  private async belong(id: string): Promise<void> {
    this.root.dataset.assessment = id;
    history.replaceState(null, '', id === '' ? '/app/import' : `/app/assessments/${id}/import`);
    await this.view.adopt();
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.turn++;
    this.sending?.cancel();
    this.sending = null;
    this.busy = false;
  }

  // change does something that the server has to judge anew.
  private change(what: () => void, delay = 0): void {
    what();
    this.check(delay);
    this.draw();
  }

  edited(row: number, column: string, value: string, settled: boolean): void {
    if (this.model.edit(row, column, value)) {
      this.check(settled ? 0 : 600);
      this.view.foot();
      if (settled) this.draw();
    } else if (settled && this.model.stale && !this.busy) this.check(0);
  }

  leaveOut(rows: number[]): void {
    this.change(() => this.model.leaveOut(rows));
    if (rows.length === 1) this.say(`Row ${rows[0]} is left out.`);
    else toast(`${count(rows.length, 'row is', 'rows are')} left out.`, { undo: async () => this.change(() => this.model.bringBack(rows)) });
  }

  async read(options: Options, rows: 'kept' | 'changed'): Promise<void> {
    const m = this.model;
    if (rows === 'changed' && m.changed() > 0 && !await this.mayDrop('Read the file another way?', 'Read it anew')) return this.draw();
    if (rows === 'changed') m.reread(options);
    else {
      if (this.phase === 'columns' && options.mapping === undefined) m.asked = {}; // another header, other columns
      m.options = options;
      m.stale = true;
      m.forgetRows();
    }
    this.grid.reset();
    this.from = 0;
    if (this.phase === 'check' || this.phase === 'columns') {
      this.check(0);
      this.draw();
    } else this.start();
  }

  map(column: string, field: string): void {
    const gave = this.model.map(column, field);
    if (gave !== '') this.say(`Column ${gave} is skipped now.`);
    this.check(300);
    this.draw();
  }

  asFound(): void {
    this.change(() => { this.model.options = { ...this.model.options, mapping: undefined }; });
  }

  // check has the server judge the file as it stands now. A check that is under way is given up.
  check(delay: number): void {
    this.stop();
    this.busy = true;
    this.model.stale = true;
    this.timer = window.setTimeout(() => void this.checkNow(), delay);
  }

  private async checkNow(): Promise<void> {
    const turn = ++this.turn, from = this.from;
    const path = this.assessment === '' ? '/api/v1/imports/check' : `/api/v1/assessments/${this.assessment}/questions/import`;
    const first = this.phase === 'reading';
    const sending = send<Report>(path, this.model.form(true, from), {}, (sent, total) => {
      if (!first || turn !== this.turn) return;
      this.sent = total === 0 ? 1 : sent / total;
      this.view.sent();
      this.steps();
    });
    this.sending = sending;
    try {
      const report = await sending.done;
      if (turn !== this.turn) return;
      if (this.assessment === '') {
        await this.belong(await this.own.make(this.model.name));
        if (turn !== this.turn) return this.phase === 'drop' ? await this.dropDraft() : undefined;
        return await this.checkNow();
      }
      this.accept(report, from);
    } catch (e) {
      if (turn === this.turn) this.failed(e, () => this.check(0));
    }
  }

  private accept(report: Report, from: number): void {
    const before = this.phase;
    this.busy = false;
    this.trouble = null;
    this.model.accept(report, from);
    this.phase = 'check';
    this.draw();
    const wrong = report.rejected;
    this.say(`${count(report.accepted, 'row is', 'rows are')} right, ${wrong} to mend.`);
    if (before !== 'check') document.getElementById('sumh')?.focus();
  }

  private failed(e: unknown, retry: () => void): void {
    if (e instanceof Cancelled) return;
    this.busy = false;
    if (!(e instanceof Problem)) throw e;
    const body = e.body ?? {};
    if (e.code === 'sheet_required' || e.code === 'sheet_not_found') {
      this.sheets = (body.sheets as string[] | undefined) ?? [];
      this.ask('sheet');
    } else if (e.code === 'ambiguous_answer_base') {
      this.readings = (body.readings as Reading[] | undefined) ?? [];
      this.seen(body);
      this.ask('base');
    } else if (e.code === 'columns_not_recognised' && body.preview) {
      this.seen(body);
      this.trouble = { title: 'The columns were not recognised.', text: 'Nothing is imported and nothing is guessed. Say which column is the question and which is the answer, or whether the first row holds their names.' };
      this.ask('columns');
    } else if (e.status === 422 && this.model.leftOut.size > 0 && e.code === 'no_rows') {
      this.trouble = { title: 'Every row is left out.', text: 'There is nothing to import. Bring a row back.', retry };
      this.phase = 'check';
      this.draw();
    } else if (e.status === 413 || e.status === 422 && this.model.report === null) {
      this.phase = 'reading';
      this.refuse(`“${this.model.name}” could not be read.`, e.status === 413 ? 'It is larger than 20 MiB. Split it into smaller files.' : e.detail, e.code);
    } else this.troubled(e, retry);
  }

  private seen(body: Partial<Report>): void {
    const m = this.model;
    m.report = null;
    m.forgetRows();
    m.facts = body.file ?? null;
    m.asked = body.mapping ?? {};
    if (body.preview) m.see(body.preview, 0);
  }

  private ask(phase: Phase): void {
    this.phase = phase;
    this.draw();
    (document.getElementById('ask-h') ?? document.getElementById('sumh'))?.focus();
  }

  // troubled keeps everything in the page and says so.
  private troubled(e: Problem, retry: () => void): void {
    const changes = this.model.changed();
    const kept = `Your file${changes > 0 ? ` and ${count(changes, 'change', 'changes')}` : ''} are kept in this page. Nothing was imported.`;
    const title = e.status === 0 ? 'There is no connection to the server.' : e.status === 401 ? 'You have been signed out.' : e.detail || 'The server could not check the rows.';
    const what = e.status === 401 ? 'Sign in again in another tab, then try again here.' : e.status === 0 ? 'It goes on by itself when the network is back.'
      : e.requestId ? `Try again. The error's number is ${e.requestId}.` : 'Try again.';
    this.trouble = { title, text: `${kept.replace('are kept', changes > 0 ? 'are kept' : 'is kept')} ${what}`, retry: () => { this.trouble = null; retry(); this.draw(); } };
    if (this.phase === 'importing') this.phase = 'check';
    this.draw();
  }

  // open shows right rows of a gap, which may have to be fetched.
  private async open(from: number, to: number): Promise<void> {
    const m = this.model;
    const last = Math.min(to, from + previewRows - 1);
    if (!m.known(from, last)) {
      this.from = from;
      this.say('Loading rows.');
      const turn = this.turn;
      try {
        const report = await send<Report>(`/api/v1/assessments/${this.assessment}/questions/import`, m.form(true, from), {}, () => undefined).done;
        if (turn !== this.turn || !report.preview) return;
        m.accept(report, from);
      } catch (e) {
        if (turn === this.turn) this.failed(e, () => void this.open(from, to));
        return;
      } finally {
        this.from = 0;
      }
    }
    let n = 0;
    for (const row of [...m.rows.keys()].sort((a, b) => a - b)) if (row >= from && row <= to && n++ < previewRows) m.opened.add(row);
    this.draw();
    this.grid.region.querySelector<HTMLElement>(`tr[data-row="${from}"]`)?.scrollIntoView({ block: 'nearest' });
    this.grid.region.focus({ preventScroll: true });
  }

  // importAll writes every row that is left, or none. A retry after a broken line is the same import: the key sees to that.
  async importAll(): Promise<void> {
    const m = this.model;
    if (!m.report || m.report.errorCount > 0 || m.stale || this.busy) return;
    const form = m.form(false, 0);
    const sign = JSON.stringify([...form].filter(([, v]) => typeof v === 'string'));
    if (this.importKey?.form !== sign) this.importKey = { form: sign, key: newKey() };
    this.phase = 'importing';
    this.trouble = null;
    this.draw();
    this.say('Importing.');
    const path = `/api/v1/assessments/${this.assessment}/questions/import`;
    try {
      this.done = await send<Report>(path, form, { 'Idempotency-Key': this.importKey.key }, () => undefined).done;
      this.phase = 'done';
      this.own.keep();
      this.draw();
      document.getElementById('done-h')?.focus();
      await this.view.adopt();
    } catch (e) {
      this.phase = 'check';
      if (e instanceof Problem && e.code === 'import_rejected') {
        this.importKey = null;
        m.stale = true;
        this.check(0);
        this.draw();
      } else this.failed(e, () => void this.importAll());
    }
  }

  draw(): void {
    this.steps();
    this.view.draw();
  }

  private steps(): void {
    const m = this.model, p = this.phase, wrong = m.errorRows();
    const at = { drop: 0, reading: 0, refused: 0, sheet: 0, base: 1, columns: 1, check: 2, importing: 3, done: 4 }[p];
    const first = p === 'drop' ? 'CSV or XLSX' : p === 'reading' ? this.sent >= 1 ? 'Reading it' : `${Math.floor(this.sent * 100)}% sent` : p === 'refused' ? 'Could not be read' : p === 'sheet' ? 'Choose the sheet' : m.name;
    const smalls = [
      first,
      p === 'base' ? 'How are answers meant?' : p === 'columns' ? 'Which is which?' : at >= 2 ? this.view.matched() : '',
      p === 'check' ? (wrong > 0 ? `${wrong} to mend` : m.report ? `${m.report.accepted.toLocaleString('en')} right` : '') : at > 2 && m.report ? `${m.report.accepted.toLocaleString('en')} right` : '',
      p === 'done' ? `${this.done!.accepted.toLocaleString('en')} added` : p === 'importing' ? 'Writing them' : p === 'check' ? 'Not yet' : '',
    ];
    const care = p === 'refused' || p === 'check' && wrong > 0;
    drawSteps(document.getElementById('import-steps')!, smalls.map((small, i): Step => ({ small, state: i < at ? 'done' : i > at ? '' : care ? 'care' : 'now' })));
  }
}
