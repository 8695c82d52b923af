import { call, Problem } from '../lib/api.ts';
import { confirm, openDialog } from '../lib/dialog.ts';
import { refresh } from '../lib/refresh.ts';
import { toast } from '../lib/toast.ts';
import { part, say } from './part.ts';

// Publishing says first what will happen, or everything that keeps it from happening.

export interface PublishHost {
  api: string;
  path: string;
  /** flush saves what is waiting; false when something could not be saved. */
  flush(): Promise<boolean>;
}

export function bindPublish(host: PublishHost): void {
  const dialog = document.getElementById('publish') as HTMLDialogElement;
  let published = false;

  const load = async (): Promise<void> => {
    const piece = await part(`${host.path}/publish`);
    dialog.replaceChildren(...piece.querySelector('#publish-body')!.childNodes);
  };
  const open = async (): Promise<void> => {
    if (!(await host.flush())) {
      toast('Not everything is saved yet, so nothing was published. Your text is kept in this tab: look at the line at the top.', { tone: 'warn' });
      return;
    }
    published = false;
    try {
      await load();
      openDialog(dialog);
    } catch (cause) {
      toast(said(cause, 'The server could not be asked. Your draft is saved: try again.'), { tone: 'bad' });
    }
  };
  const publish = async (button: HTMLButtonElement): Promise<void> => {
    button.disabled = true;
    button.setAttribute('aria-busy', 'true');
    try {
      await call('POST', `${host.api}/publish`, {}, { timeout: 120_000 });
      published = true;
      const done = dialog.querySelector<HTMLTemplateElement>('[data-published]')!;
      dialog.replaceChildren(done.content.cloneNode(true));
      dialog.querySelector<HTMLElement>('footer .primary')?.focus();
      say(dialog.querySelector('h2')?.textContent ?? '');
    } catch (cause) {
      await refused(cause, button);
    }
  };
  const refused = async (cause: unknown, button: HTMLButtonElement): Promise<void> => {
    const p = cause instanceof Problem ? cause : null;
    if (p && (p.status === 422 || p.status === 409)) {
      try {
        await load(); // the draft or the limit changed since the dialog was made: it now says what is in the way
        say(p.detail, true);
        return;
      } catch {
        // What the server said is shown below, as for every other failure.
      }
    }
    button.disabled = false;
    button.removeAttribute('aria-busy');
    const line = dialog.querySelector<HTMLElement>('[data-publish-error]');
    const text = said(cause, 'The server did not answer. Your draft is saved: try again, and if it was published already, nothing is published twice.');
    if (!line) return toast(text, { tone: 'bad' });
    line.textContent = text;
    line.hidden = false;
  };
  const closeOther = async (button: HTMLElement): Promise<void> => {
    const id = button.dataset.closeAssessment!;
    const sure = await confirm({ title: `Close "${button.dataset.title}"?`, action: 'Close it', keep: 'Keep it open',
      body: 'Nobody can start it then. Whoever is taking it may finish, and its results stay. You can open it again.' });
    if (!sure) return;
    try {
      await call('POST', `/api/v1/assessments/${id}/close`, {});
      await load();
      toast(`"${button.dataset.title}" is closed.`, { undo: async () => {
        await call('POST', `/api/v1/assessments/${id}/reopen`, {});
        if (dialog.open) await load();
      } });
    } catch (cause) {
      toast(said(cause, 'It could not be closed. Nothing was changed.'), { tone: 'bad' });
    }
  };

  document.addEventListener('click', (e) => {
    const at = e.target as Element;
    if (at.closest('[data-publish]')) void open();
    const now = at.closest<HTMLButtonElement>('[data-publish-now]');
    if (now) void publish(now);
    const other = at.closest<HTMLElement>('[data-close-assessment]');
    if (other) void closeOther(other);
  });
  dialog.addEventListener('close', () => {
    if (published) void refresh().catch(() => location.reload());
  });
}

function said(cause: unknown, otherwise: string): string {
  return cause instanceof Problem && cause.status > 0 && cause.status < 500 ? cause.detail : otherwise;
}
