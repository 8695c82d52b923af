// Sends a form with a file. XMLHttpRequest, because fetch tells nothing of how much has gone up.
import { Problem } from '../lib/api.ts';

export interface Sending<T> {
  done: Promise<T>;
  cancel(): void;
}

export class Cancelled extends Error {}

const patience = 150_000; // ms; the server takes 2 minutes at most

export function send<T>(path: string, form: FormData, headers: Record<string, string>, progress: (sent: number, total: number) => void): Sending<T> {
  const request = new XMLHttpRequest();
  const done = new Promise<T>((resolve, reject) => {
    request.open('POST', path);
    request.responseType = 'text';
    request.timeout = patience;
    request.setRequestHeader('Accept', 'application/json');
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (e) => { if (e.lengthComputable) progress(e.loaded, e.total); };
    request.onabort = () => reject(new Cancelled());
    request.ontimeout = request.onerror = () => reject(new Problem(0, { code: 'offline', detail: 'There is no connection to the server.' }));
    request.onload = () => {
      let body: unknown;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        reject(new Problem(request.status, { code: 'unreadable_answer', detail: 'The server answered with something that is no report.' }));
        return;
      }
      if (request.status >= 200 && request.status < 300) resolve(body as T);
      else reject(new Problem(request.status, body, Number(request.getResponseHeader('Retry-After')) || undefined));
    };
    request.send(form);
  });
  return { done, cancel: () => request.abort() };
}
