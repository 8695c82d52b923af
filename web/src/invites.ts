// The page of invites.

import { register } from './lib/keys.ts';
import { startCompose } from './invites/compose.ts';
import { startRows } from './invites/rows.ts';

startCompose();
startRows();
register('/', 'Find a person', () => document.querySelector<HTMLInputElement>('[data-search] input[type="search"]')?.select());
