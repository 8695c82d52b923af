// What every employer page has.

import { startCopy } from './lib/copy.ts';
import { startDialogs } from './lib/dialog.ts';
import { startForms } from './lib/form.ts';
import { startGuard } from './lib/guard.ts';
import { startKeys } from './lib/keys.ts';
import { startMenus } from './lib/menu.ts';
import { startPalette } from './lib/palette.ts';
import { startReveal } from './lib/password.ts';
import { startTheme } from './lib/theme.ts';
import { startTimes } from './lib/time.ts';

startTheme();
startTimes();
startDialogs();
startForms();
startGuard();
startMenus();
startCopy();
startKeys();
startPalette();
startReveal();
