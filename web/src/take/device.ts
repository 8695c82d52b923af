import type { Kept } from './types.ts';

/** The device's other tabs with the same attempt. */
export class Tabs {
  private readonly channel: BroadcastChannel | undefined;

  constructor(private readonly attempt: string, hear: (kept: Kept) => void, ended: () => void) {
    if (typeof BroadcastChannel === 'undefined') return;
    this.channel = new BroadcastChannel(`credlane-take-${attempt}`);
    this.channel.onmessage = (e: MessageEvent<{ kept?: Kept; ended?: true }>) => {
      if (e.data.kept) hear(e.data.kept);
      if (e.data.ended) ended();
    };
  }

  tell(kept: Kept): void {
    this.channel?.postMessage({ kept });
  }

  ended(): void {
    this.channel?.postMessage({ ended: true });
  }

  /** Runs while no other tab does. One that hangs is not waited for: what is sent twice counts once. */
  async alone(run: () => Promise<void>): Promise<void> {
    if (!navigator.locks) return run();
    let began = false;
    try {
      await navigator.locks.request(`credlane-take-${this.attempt}`, { signal: AbortSignal.timeout(2000) }, () => {
        began = true;
        return run();
      });
    } catch (err) {
      if (began) throw err;
      await run();
    }
  }
}

const scope = '/take';
const patience = 20_000; // ms for the keeping of the page

/**
 * Has the page kept, so that it opens again without a network; false when that did not come about and is worth another try. Browsers
 * without a service worker do without: only a reload without a network is lost to them.
 */
export async function keepPage(attempt: string, assets: string[]): Promise<boolean> {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (!workers) return true;
  try {
    await workers.register('/take/worker.js', { scope });
    const { active } = await workers.ready;
    const parts = performance.getEntriesByType('resource').map((e) => new URL(e.name).pathname).filter((p) => p.startsWith('/assets/'));
    return await new Promise<boolean>((resolve) => {
      const answer = new MessageChannel();
      answer.port1.onmessage = (e) => resolve(e.data === true);
      setTimeout(() => resolve(false), patience); // a worker may be ended before it answers
      active?.postMessage({ attempt, assets, parts: [...new Set(parts)] }, [answer.port2]);
    });
  } catch (err) {
    return err instanceof DOMException && err.name === 'SecurityError'; // it is forbidden for good
  }
}

/** Takes back all that keepPage has kept. */
export async function forgetPage(): Promise<void> {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  try {
    if (typeof caches !== 'undefined') for (const name of await caches.keys()) if (name.startsWith('credlane-take')) await caches.delete(name);
    await (await workers?.getRegistration(scope))?.unregister();
  } catch {
    // A browser that refuses has kept nothing.
  }
}
