// Where the focus goes when what had it is gone.

const focusable = 'a[href], button:not(:disabled), input:not(:disabled, [type="hidden"]), select:not(:disabled), textarea:not(:disabled)';

// anchor remembers what stands around an element. What it gives is called when the element may be gone: a lost focus goes to the
// button of its menu, to what is left of its row or the row beside it, or to one of the others, and at last to the page's content.
export function anchor(source: Element, ...others: string[]): () => void {
  const menu = source.closest('.menu[popover]')?.id;
  const row = source.closest('tr[id], li[id]');
  const near = [row, row?.nextElementSibling, row?.previousElementSibling].map((r) => r?.id ?? '').filter(Boolean);
  return () => {
    const has = document.activeElement;
    if (has && has !== document.body && has.checkVisibility()) return; // what is hidden loses it only when the page is drawn next
    const places = [
      menu ? document.querySelector(`[popovertarget="${CSS.escape(menu)}"]`) : null,
      ...[...near, ...others].map((id) => document.getElementById(id)),
    ];
    for (const place of places) {
      const to = place && [place, ...place.querySelectorAll<HTMLElement>(focusable)].find((e) => e.matches(focusable) && e.checkVisibility());
      if (to instanceof HTMLElement) return to.focus();
    }
    document.getElementById('main')?.focus();
  };
}
