// The draft of a file that was dropped where there is no assessment yet: made once the file can be read, and taken away again
// when the import is stopped.
import { call, newKey, Problem } from '../lib/api.ts';
import { titleOf } from './columns.ts';

export class OwnDraft {
  private made: { id: string; etag: string | null } | null = null;
  private key: { name: string; key: string } | null = null;

  // make gives the draft's id. One that was made while its answer was lost is not made again.
  async make(name: string): Promise<string> {
    if (this.key?.name !== name) this.key = { name, key: newKey() };
    const { data, etag } = await call<{ id: string }>('POST', '/api/v1/assessments', { title: titleOf(name) }, { idempotencyKey: this.key.key });
    this.made = { id: data.id, etag };
    this.key = null;
    return data.id;
  }

  // keep lets it stand: something was imported into it.
  keep(): void { this.made = null; }

  // drop deletes it, unless somebody has worked on it meanwhile; true when it is gone.
  async drop(): Promise<boolean> {
    const made = this.made;
    this.made = null;
    if (!made) return false;
    try {
      await call('DELETE', `/api/v1/assessments/${made.id}`, undefined, { ifMatch: made.etag });
      return true;
    } catch (e) {
      if (e instanceof Problem) return false; // it stays in the list of drafts, where it can be deleted
      throw e;
    }
  }
}
