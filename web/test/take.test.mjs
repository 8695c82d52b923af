// The parts of the test that must not lose an answer, without a browser: what is merged, what is queued and sent, and the clock.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const src = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../src/take');
const bundled = await esbuild.build({
  stdin: {
    contents: `export * from './merge.ts'; export * from './queue.ts'; export * from './clock.ts'; export { MemoryStore } from './store.ts';
      export { isNumber } from './fields.ts'; export { Words } from './words.ts';`,
    resolveDir: src, loader: 'ts',
  },
  bundle: true, write: false, format: 'esm', target: 'es2022',
});
const { absorb, acknowledge, blank, change, exact, fromServer, isNumber, isPending, MemoryStore, merge, minutes, pause, Queue, ServerClock, Warnings, Words } =
  await import(`data:text/javascript;base64,${Buffer.from(bundled.outputFiles[0].text).toString('base64')}`);

// ---- Merge

const theirs = (answer, sequence, flagged = false) => ({ questionId: 'q', answer, sequence, flagged, savedAt: '2026-03-02T09:00:00Z' });

test('a change made on top of what the server has is still to be sent', () => {
  const mine = change(fromServer(theirs('a', 4)), { answer: 'b' }, 1, false);
  const { kept, lost } = merge(mine, theirs('a', 4), true);
  assert.equal(kept.sequence, 5);
  assert.ok(isPending(kept));
  assert.equal(lost, undefined);
});

test('an answer whose receipt was lost is recognised, not taken for a stranger\'s', () => {
  const mine = change(fromServer(theirs('a', 4)), { answer: 'b' }, 1, false);
  const { kept } = merge(mine, theirs('b', 5), true);
  assert.ok(!isPending(kept));
  // and so is one that has been changed since it was sent
  const newer = change(mine, { answer: 'c' }, 2, true);
  const after = merge(newer, theirs('b', 5), true);
  assert.equal(after.lost, undefined);
  assert.equal(after.kept.answer, 'c');
  assert.ok(isPending(after.kept));
  assert.ok(after.kept.sequence > 5);
});

test('a stale answer from here never overwrites a newer one from elsewhere, and is never dropped in silence', () => {
  const mine = change(fromServer(theirs('a', 4)), { answer: 'mine' }, 1, true);
  for (const sequence of [5, 9]) {
    const { kept, lost } = merge(mine, theirs('theirs', sequence), true);
    assert.equal(kept.answer, 'theirs');
    assert.ok(!isPending(kept));
    assert.equal(lost.answer, 'mine');
    const used = change(kept, { answer: lost.answer }, 2, false); // "use the one from here"
    assert.ok(used.sequence > sequence);
  }
});

test('an answer from elsewhere is taken up where nothing is waiting here', () => {
  const { kept, lost } = merge(fromServer(theirs('a', 4)), theirs('b', 6), true);
  assert.deepEqual([kept.answer, kept.sequence, kept.acked, lost], ['b', 6, 6, undefined]);
});

test('the same answer from elsewhere is no conflict, and a flag set here stays', () => {
  const mine = change(fromServer(theirs(null, 0)), { answer: ['y', 'x'] }, 1, false);
  assert.ok(!isPending(merge(mine, theirs(['x', 'y'], 3), true).kept));
  const flagged = change(fromServer(theirs('a', 1)), { flagged: true }, 1, false);
  const { kept, lost } = merge(flagged, theirs('a', 3), true);
  assert.deepEqual([kept.flagged, isPending(kept), kept.sequence > 3, lost], [true, true, true, undefined]);
});

test('what a kept page says may be old; what the server says now may not', () => {
  const mine = fromServer(theirs('b', 6));
  assert.ok(!isPending(merge(mine, theirs('a', 4), false).kept));
  const again = merge(mine, theirs('a', 4), true).kept; // the server has lost what it had acknowledged
  assert.ok(isPending(again));
  assert.equal(again.answer, 'b');
});

test('of two tabs the later state counts, with all that either knows of the server', () => {
  const one = change(blank('q'), { answer: 'one' }, 1, false);
  const two = change(one, { answer: 'two' }, 2, false);
  assert.equal(absorb(two, acknowledge(one, 1)).answer, 'two');
  assert.equal(absorb(two, acknowledge(one, 1)).acked, 1);
  assert.equal(absorb(one, two).answer, 'two');
});

// ---- Queue

// world is a server, a network and a clock that the test moves by hand.
function world() {
  const w = {
    time: 0, timers: [], server: new Map(), sent: [], down: false, told: [], answers: [],
    now: () => w.time,
    later: (ms, run) => {
      const timer = { at: w.time + ms, run };
      w.timers.push(timer);
      return () => { w.timers = w.timers.filter((t) => t !== timer); };
    },
    random: () => 0.5,
    alone: (run) => run(),
    tell: (kept) => w.told.push(kept),
    send: async (kept) => {
      w.sent.push({ question: kept.question, answer: kept.answer, sequence: kept.sequence });
      const scripted = w.answers.shift();
      if (scripted) return scripted(kept);
      if (w.down) return { kind: 'retry', reached: false };
      return w.put(kept);
    },
    put: (kept) => {
      const has = w.server.get(kept.question);
      if (has && kept.sequence <= has.sequence) return { kind: 'saved', sequence: has.sequence, fresh: false };
      w.server.set(kept.question, { questionId: kept.question, answer: kept.answer, sequence: kept.sequence, flagged: kept.flagged, savedAt: '' });
      return { kind: 'saved', sequence: kept.sequence, fresh: true };
    },
    settle: async () => { for (let i = 0; i < 60; i++) await null; },
    pass: async (ms) => {
      const end = w.time + ms;
      for (;;) {
        await w.settle();
        w.timers.sort((a, b) => a.at - b.at);
        const next = w.timers[0];
        if (!next || next.at > end) break;
        w.timers.shift();
        w.time = Math.max(w.time, next.at);
        next.run();
      }
      w.time = end;
      await w.settle();
    },
  };
  return w;
}

function queue(w, store = new MemoryStore(), events = {}) {
  return new Queue(store, w, { changed() {}, lost() {}, doubt() {}, stopped() {}, ...events });
}

test('a choice is sent at once, what is typed within two seconds however long one types', async () => {
  const w = world();
  const q = queue(w);
  await q.change('choice', { answer: 'a' });
  await w.pass(0);
  assert.equal(w.server.get('choice').answer, 'a');
  let text = '';
  for (let i = 0; i < 19; i++) {
    text += 'x';
    await q.change('text', { answer: text }, true);
    await w.pass(100);
  }
  assert.ok(w.server.get('text'), 'sent while the typing goes on');
  await w.pass(2000);
  assert.equal(w.server.get('text').answer, text);
  assert.ok(w.sent.length < 8, `${w.sent.length} requests for 20 changes`);
  assert.equal(q.state().kind, 'saved');
});

test('a change is on the device before it is sent', async () => {
  const w = world();
  const store = new MemoryStore();
  const q = queue(w, store);
  const real = w.send;
  w.send = async (kept) => {
    assert.ok((await store.all()).some((k) => k.question === kept.question && k.sequence === kept.sequence));
    return real(kept);
  };
  await q.change('a', { answer: '1' });
  await w.pass(0);
  assert.equal(w.sent.length, 1);
});

test('who types fast does not wait for each key to be written: the newest state is', async () => {
  const w = world();
  const store = new MemoryStore();
  const real = store.update.bind(store);
  const writes = [];
  let written;
  store.update = async (question, next) => {
    await new Promise((go) => { written = go; });
    const kept = await real(question, next);
    writes.push(kept.answer);
    return kept;
  };
  const q = queue(w, store);
  let last;
  for (const answer of ['a', 'ab', 'abc', 'abcd']) last = q.change('text', { answer }, true);
  await w.settle();
  written();
  await w.settle();
  written();
  await last;
  assert.deepEqual(writes, ['a', 'abcd']);
});

test('what a full device did not take is written once it is acknowledged, not what stood there before', async () => {
  const w = world();
  const store = new MemoryStore();
  const real = store.update.bind(store);
  const q = queue(w, store);
  await q.change('a', { answer: 'old' });
  await w.pass(0);
  store.update = async () => { throw new Error('full'); };
  const changed = q.change('a', { answer: 'new' });
  store.update = real;
  await changed;
  await w.pass(0);
  const [kept] = await store.all();
  assert.deepEqual([kept.answer, kept.acked], ['new', 2]);
});

test('offline, everything is kept and goes up in order when the network is back', async () => {
  const w = world();
  w.down = true;
  const store = new MemoryStore();
  const q = queue(w, store);
  for (const [question, answer] of [['a', '1'], ['b', '2'], ['a', '3'], ['c', '4']]) {
    await q.change(question, { answer });
    await w.pass(10);
  }
  assert.deepEqual([q.state().kind, q.state().pending], ['stuck', 3]);
  w.down = false;
  w.sent = [];
  q.wake();
  await w.pass(100);
  assert.deepEqual(w.sent.map((s) => s.question), ['b', 'a', 'c']);
  assert.deepEqual([...w.server.values()].map((s) => s.answer).sort(), ['2', '3', '4']);
  assert.equal(q.state().kind, 'saved');
});

test('a page that ended in mid-sending begins where it was, and sends nothing twice that counts twice', async () => {
  const w = world();
  const store = new MemoryStore();
  const first = queue(w, store);
  w.answers.push((kept) => { w.put(kept); return { kind: 'retry', reached: false }; }); // it arrived; its receipt did not
  await first.change('a', { answer: '1' });
  await w.pass(0);
  w.timers = []; // the page is gone
  const second = queue(w, store);
  await second.load();
  await second.change('a', { answer: '2' }); // before it could be sent again
  await second.join([...w.server.values()], true);
  await w.pass(100);
  assert.deepEqual([w.server.get('a').answer, w.server.get('a').sequence], ['2', 2]);
  assert.equal(second.state().kind, 'saved');
});

test('a resend of what the server has is settled by asking, not by overwriting', async () => {
  const w = world();
  let asked = 0;
  const q = queue(w, new MemoryStore(), { doubt: () => { asked++; void q.join([...w.server.values()], true); } });
  w.answers.push((kept) => { w.put(kept); return { kind: 'retry', reached: false }; });
  await q.change('a', { answer: '1' });
  await w.pass(60_000);
  assert.equal(asked, 1);
  assert.equal(q.state().kind, 'saved');
  assert.equal(w.server.get('a').sequence, 1);
});

test('a doubt that nobody settles is no reason to hammer the server', async () => {
  const w = world();
  const q = queue(w);
  w.server.set('a', { ...theirs('1', 1), questionId: 'a' });
  await q.change('a', { answer: '1' });
  await w.pass(30_000);
  assert.ok(w.sent.length >= 5 && w.sent.length <= 15, `${w.sent.length} requests in 30 s`);
});

test('an answer that another device saved under the same number is shown, not lost', async () => {
  const w = world();
  const lost = [];
  const q = queue(w, new MemoryStore(), { lost: (mine) => lost.push(mine.answer), doubt: () => void q.join([...w.server.values()], true) });
  w.server.set('a', { ...theirs('theirs', 1), questionId: 'a' });
  await q.change('a', { answer: 'mine' });
  await w.pass(10);
  assert.deepEqual(lost, ['mine']);
  assert.equal(q.get('a').answer, 'theirs');
  assert.equal(w.server.get('a').answer, 'theirs');
});

test('two tabs that share a device never use one number for two answers', async () => {
  const w = world();
  w.down = true;
  const store = new MemoryStore();
  const [one, two] = [queue(w, store), queue(w, store)];
  w.tell = (kept) => { one.hear(kept); two.hear(kept); };
  await Promise.all([one.change('a', { answer: 'one' }), two.change('a', { answer: 'two' })]);
  await w.settle();
  const [kept] = await store.all();
  assert.equal(kept.sequence, 2);
  assert.equal(one.get('a').answer, kept.answer);
  assert.equal(two.get('a').answer, kept.answer);
  w.down = false;
  one.wake();
  two.wake();
  await w.pass(60_000);
  assert.equal(w.server.get('a').answer, kept.answer);
});

test('a dead server is asked less and less often, never in step, and a Retry-After is kept', async () => {
  assert.deepEqual([1, 2, 3, 9].map((n) => pause(n, 1)), [500, 1000, 2000, 15_000]);
  assert.ok(pause(5, 0) < pause(5, 0.9));
  const w = world();
  w.down = true;
  const q = queue(w);
  await q.change('a', { answer: '1' });
  await w.pass(30_000);
  assert.ok(w.sent.length >= 4 && w.sent.length <= 12, `${w.sent.length} tries in 30 s`);
  const before = w.sent.length;
  w.answers.push(() => ({ kind: 'retry', reached: true, after: 40 }));
  await w.pass(20_000);
  const at = w.sent.length;
  assert.ok(at > before);
  await w.pass(20_000);
  assert.equal(w.sent.length, at, 'not before the 40 s are over');
  w.down = false;
  await w.pass(60_000);
  assert.equal(w.server.get('a').answer, '1');
});

test('an answer that the server refuses holds up no other and is sent again once it changes', async () => {
  const w = world();
  const q = queue(w);
  w.answers.push(() => ({ kind: 'refused' }));
  await q.change('a', { answer: 'bad' });
  await q.change('b', { answer: '2' });
  await w.pass(10_000);
  assert.deepEqual([w.server.get('b').answer, q.state().refused, w.sent.length], ['2', 1, 2]);
  await q.change('a', { answer: 'good' });
  await w.pass(10);
  assert.deepEqual([w.server.get('a').answer, q.state().refused], ['good', 0]);
});

test('a number that is none yet is kept here alone', async () => {
  const w = world();
  const store = new MemoryStore();
  const q = queue(w, store);
  await q.change('n', { answer: '12x', refused: 'number' }, true);
  await w.pass(5000);
  assert.deepEqual([w.sent.length, q.state().refused, (await store.all())[0].answer], [0, 1, '12x']);
});

test('a session that is taken stops all sending and keeps what is here', async () => {
  const w = world();
  const why = [];
  const store = new MemoryStore();
  const q = queue(w, store, { stopped: (reason) => why.push(reason) });
  w.answers.push(() => ({ kind: 'taken' }));
  await q.change('a', { answer: '1' });
  await w.pass(60_000);
  await q.change('b', { answer: '2' });
  await w.pass(60_000);
  assert.deepEqual([why, w.sent.length, (await store.all()).length], [['taken'], 1, 2]);
});

test('handing in waits until everything is acknowledged', async () => {
  const w = world();
  w.down = true;
  const q = queue(w);
  await q.change('a', { answer: '1' }, true);
  let done = false;
  void q.drained().then(() => { done = true; });
  await w.pass(5000);
  assert.equal(done, false);
  w.down = false;
  await w.pass(20_000);
  assert.equal(done, true);
  assert.equal(w.server.get('a').answer, '1');
});

test('a store that fails does not stop the sending', async () => {
  const w = world();
  const store = new MemoryStore();
  store.update = async () => { throw new Error('the disk is full'); };
  const q = queue(w, store);
  await q.change('a', { answer: '1' });
  await w.pass(10);
  assert.equal(w.server.get('a').answer, '1');
});

test('whatever the network does, the last answer arrives', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    let state = seed;
    const random = () => { state = (state * 1103515245 + 12345) % 2147483648; return state / 2147483648; };
    const w = world();
    const store = new MemoryStore();
    let q;
    const events = { doubt: () => void q.join([...w.server.values()], true), lost: (mine) => assert.fail(`seed ${seed}: lost ${mine.answer}`) };
    q = queue(w, store, events);
    const real = w.send;
    let chaos = true;
    w.send = async (kept) => {
      if (!chaos) return real(kept);
      const luck = random();
      if (luck < 0.3) return { kind: 'retry', reached: false };
      if (luck < 0.5) { w.put(kept); return { kind: 'retry', reached: false }; }
      return w.put(kept);
    };
    const last = new Map();
    for (let i = 0; i < 40; i++) {
      const question = `q${Math.floor(random() * 4)}`;
      last.set(question, `${i}`);
      await q.change(question, { answer: `${i}` }, random() < 0.5);
      if (random() < 0.2) { // a reload
        w.timers = [];
        q.halt('gone');
        q = queue(w, store, events);
        await q.load();
        await q.join([...w.server.values()], true);
      }
      await w.pass(random() * 800);
    }
    chaos = false;
    await w.pass(60_000);
    for (const [question, answer] of last) assert.equal(w.server.get(question)?.answer, answer, `seed ${seed}, ${question}`);
    assert.equal(q.state().kind, 'saved');
  }
});

// ---- Clock

test('the clock goes by the server, whatever the device says', () => {
  let now = 1000;
  const clock = new ServerClock(() => now);
  clock.setDeadline('2026-03-02T10:00:00Z');
  clock.sync('2026-03-02T09:30:00Z', 900, 1100);
  now = 1000;
  assert.equal(clock.left(), 30 * 60_000);
  now += 60_000;
  assert.equal(clock.left(), 29 * 60_000);
  clock.sync('2026-03-02T09:31:05Z', 41_000, 61_000); // an answer that took 20 s to come is a worse look than the one before
  assert.equal(clock.left(), 29 * 60_000);
  clock.distrust(); // after a sleep
  clock.sync('2026-03-02T09:40:00Z', 61_000, 61_000);
  assert.equal(clock.left(), 20 * 60_000);
  assert.equal(clock.setDeadline('2026-03-02T10:15:00Z'), true);
  assert.equal(clock.left(), 35 * 60_000);
  assert.equal(clock.setDeadline('nonsense'), false);
});

test('5 minutes and 1 minute are said once, and again after more time', () => {
  const w = new Warnings();
  const said = (left) => w.due(left);
  assert.deepEqual([400_000, 300_000, 299_000, 60_000, 59_000, 0].map(said), [undefined, 5, undefined, 1, undefined, undefined]);
  assert.deepEqual([900_000, 300_000].map(said), [undefined, 5]);
  assert.deepEqual([new Warnings().due(30_000)], [1]);
  assert.deepEqual([exact(278_000), exact(60_000), exact(500), minutes(60_001), minutes(3_120_000)], ['4:38', '1:00', '0:01', 2, 52]);
});

// ---- Small things

test('a number is what the server takes for one', () => {
  for (const yes of ['1', '-1.5', '1,5', '+2', '.5', '5.', '\u22123', '1e3', '12.5E-3']) assert.ok(isNumber(yes), yes);
  for (const no of ['', 'x', '1 000', '1,234.5', '12x', 'e3', '1e', '--1', '.', '½']) assert.ok(!isNumber(no), no);
});

test('words come from the catalogue alone, in the form that fits', () => {
  const words = new Words({ 'run.n': { one: '1 answer', other: '{n} answers' }, 'run.x': 'Hello {name}' }, (v) => `<${v}>`);
  assert.deepEqual([words.say('n', { n: 1 }), words.say('n', { n: 2 }), words.say('x', { name: 'Ada' })], ['1 answer', '<2> answers', 'Hello <Ada>']);
  assert.throws(() => words.say('missing'));
});
