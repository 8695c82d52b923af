// Elements without a template language: text goes in as text, never as markup.

type Attribute = string | number | boolean | null | undefined | EventListener;
type Child = Node | string | null | undefined | false;

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Record<string, Attribute> = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  set(e, attributes);
  e.append(...children.filter((c): c is Node | string => c !== null && c !== undefined && c !== false));
  return e;
}

function set(e: Element, attributes: Record<string, Attribute>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') e.addEventListener(name, value);
    else if (name === 'value' && (e instanceof HTMLInputElement || e instanceof HTMLTextAreaElement)) e.value = String(value);
    else e.setAttribute(name, value === true ? '' : String(value));
  }
}

const svgSpace = 'http://www.w3.org/2000/svg';

export function svg(tag: string, attributes: Record<string, string | number>, ...children: Element[]): SVGElement {
  const e = document.createElementNS(svgSpace, tag);
  set(e, attributes);
  e.append(...children);
  return e;
}

export function icon(name: string, className = 'i'): SVGElement {
  const sprite = document.getElementById('import')?.dataset.sprite ?? '';
  return svg('svg', { class: className, width: 16, height: 16, 'aria-hidden': 'true', focusable: 'false' }, svg('use', { href: `${sprite}#${name}` }));
}

export const button = (className: string, label: string, click: () => void, attributes: Record<string, Attribute> = {}): HTMLButtonElement =>
  h('button', { type: 'button', class: className, click, ...attributes }, label);

// note tells one thing, with what can be done about it.
export function note(tone: '' | 'info' | 'ok' | 'warn' | 'bad', title: string, text: string, ...acts: Node[]): HTMLElement {
  const sign = tone === 'bad' || tone === 'warn' ? 'alert' : tone === 'ok' ? 'check' : 'info';
  return h('div', { class: `note ${tone}`, role: tone === 'bad' ? 'alert' : null }, icon(sign),
    h('div', {}, h('b', {}, title), ' ', text, acts.length > 0 && h('div', { class: 'acts' }, ...acts)));
}

// syncChildren makes parent hold exactly these nodes, in order, and moves none that is in its place: moving would take the focus.
export function syncChildren(parent: Element, nodes: Node[]): void {
  const keep = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!keep.has(child)) child.remove();
  let at: ChildNode | null = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

export const count = (n: number, one: string, many: string): string => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  return n < 1024 * 1024 ? `${Math.round(n / 1024)} KB` : `${(n / 1024 / 1024).toFixed(1)} MB`;
}
