// TypeScript's own judgement, strict.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { web } from './files.mjs';

test('no script has an error of types', async () => {
  const said = await new Promise((resolve) => {
    execFile(path.join(web, 'node_modules/.bin/tsc'), ['--noEmit', '-p', web], (_, stdout, stderr) => resolve(stdout + stderr));
  });
  assert.equal(said, '');
});
