// Small helpers to make elements. Text is always set as text.

type Child = Node | string | null | undefined | false;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | boolean | number | null | undefined> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    made.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child) made.append(child);
  return made;
}

const SVG = 'http://www.w3.org/2000/svg';

// icon is a picture of the sprite that the page uses already; its address holds a hash that only the server knows.
export function icon(name: string, size = ''): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', size ? `i ${size}` : 'i');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  const sprite = document.querySelector('use[href*="icons"]')?.getAttribute('href')?.split('#')[0] ?? '';
  use.setAttribute('href', `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

export const on = <K extends keyof DocumentEventMap>(type: K, selector: string, fn: (at: HTMLElement, event: DocumentEventMap[K]) => void): void =>
  document.addEventListener(type, (event) => {
    const at = event.target instanceof Element ? event.target.closest<HTMLElement>(selector) : null;
    if (at) fn(at, event);
  });

let last = 0;
// uid is an id for an element, unique on this page.
export const uid = (prefix: string): string => `${prefix}-${++last}`;
