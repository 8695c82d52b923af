// The toggle between light and dark. The choice is kept in a cookie, because the server writes data-theme into the page.

import { on } from './dom.ts';

const year = 365 * 24 * 60 * 60;

export function startTheme(): void {
  on('click', '[data-theme-toggle]', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    document.cookie = `theme=${root.dataset.theme}; Path=/; Max-Age=${year}; SameSite=Lax${secure}`;
  });
}
