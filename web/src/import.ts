// The entry of the import page.
import { ImportPage } from './import/page.ts';

const root = document.getElementById('import');
if (root) new ImportPage(root);
