// AWS time inside a handler: what Date, performance and timers say. runtime/virtual_time.py is the same for Python.
//
// In real mode everything passes through. In virtual mode the current time is a number that the emulator moves, and
// the earliest timer is a message to the emulator, sent when this process has nothing else to do. Deliberately real in
// both modes: sockets, files and child processes, which are real work.
'use strict';

const nodeTimers = require('timers');
const timerPromises = require('timers/promises');
const { performance } = require('perf_hooks');
const { syncBuiltinESMExports } = require('module');

const NOTICEABLE_OFFSET_MS = 250; // AWS time that differs less than this from the host's is the host's.
const REAL_WORK_GRACE_MS = 20; // Host time for what may just be on its way.
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;
const AT_ONCE_MS = 1; // setTimeout(f, 0) yields and takes no AWS time.
const { IDLE, BUSY, TURNING } = require('./work.cjs');
const { CALL_BEGINS, CALL_ENDS, CANCELLED } = require('./wire.cjs');

const RealDate = Date;
const real = {
  now: Date.now,
  setTimeout, clearTimeout, setInterval, clearInterval, setImmediate,
  monotonic: performance.now.bind(performance),
  bigint: process.hrtime.bigint,
};

class VirtualTimer {
  constructor(time, callback, delay, args, repeat) {
    Object.assign(this, { time, callback, delay, args, repeat, referenced: true, live: false });
    this.id = (time.nextId += 1);
    time.add(this);
  }

  ref() { this.referenced = true; this.time.balance(); return this; }
  unref() { this.referenced = false; this.time.balance(); return this; }
  hasRef() { return this.referenced; }
  refresh() { this.time.remove(this); this.time.add(this); return this; }
  close() { this.time.remove(this); return this; }
  [Symbol.toPrimitive]() { return this.id; }
}
if (Symbol.dispose) VirtualTimer.prototype[Symbol.dispose] = function dispose() { this.close(); };

class Time {
  /**
   * `send(sleeper, due)` speaks to the emulator; `hold(boolean)` keeps the event loop alive for its answer;
   * `work.look()` says what else is going on.
   */
  constructor(send, hold, work) {
    this.send = send;
    this.work = work;
    this.hold = hold;
    this.virtual = false;
    this.nowMs = 0;
    this.nowSeconds = 0; // the same as the emulator has it: what is due must not differ by a rounding
    this.offset = 0;
    this.monotonicBase = 0;
    this.nextId = 0;
    this.order = 0;
    this.timers = new Map(); // by id; insertion order is no order of time
    this.announced = null; // {sleeper, due, dueSeconds} that the emulator knows
    this.sleeper = 0;
    this.checking = false;
    this.grace = null;
    this.calls = 0; // that the emulator serves for this process now
    this.asking = false; // whether a question is under way
  }

  // ── what the emulator tells ──

  /** Start of a question: AWS time in seconds, and whether it is virtual. */
  begin(nowSeconds, virtual) {
    const now = nowSeconds * 1000;
    const monotonic = this.monotonic();
    this.virtual = virtual;
    this.nowMs = now;
    this.nowSeconds = nowSeconds;
    this.offset = virtual ? 0 : now - real.now();
    if (Math.abs(this.offset) < NOTICEABLE_OFFSET_MS) this.offset = 0;
    this.monotonicBase = monotonic - (virtual ? now : real.monotonic());
    this.asking = true;
    if (this.timers.size) real.setImmediate(() => this.runDue());
    this.check();
  }

  /** The question is answered: a frozen environment has no timers under way. */
  end() {
    this.asking = false;
    this.withdraw();
  }

  wake(sleeper, nowSeconds) {
    if (sleeper === CALL_BEGINS) return this.callBegins();
    if (sleeper === CALL_ENDS) return this.callEnds(nowSeconds);
    if (!this.announced || this.announced.sleeper !== sleeper) return;
    const { due, dueSeconds } = this.announced;
    this.announced = null;
    // A timer that is due must not be missed by what a change of unit rounds away.
    this.nowMs = Math.max(this.nowMs, nowSeconds * 1000, nowSeconds >= dueSeconds ? due : 0);
    this.nowSeconds = Math.max(this.nowSeconds, nowSeconds);
    this.runDue();
  }

  /** The emulator serves a call of ours from now on: it may need AWS time. */
  callBegins() {
    this.calls += 1;
    this.check();
  }

  /** A call has ended, at `now`: the emulator wants to hear anew who sleeps. Its answer is read in the meantime. */
  callEnds(nowSeconds) {
    this.calls -= 1;
    this.send(CALL_ENDS, CANCELLED);
    this.announced = null;
    if (!this.asking || !this.virtual) return;
    this.nowMs = Math.max(this.nowMs, nowSeconds * 1000);
    this.nowSeconds = Math.max(this.nowSeconds, nowSeconds);
    if (this.grace !== null) real.clearTimeout(this.grace);
    this.grace = null;
    this.check();
  }

  // ── what the handler sees ──

  now() { return this.virtual ? this.nowMs : real.now() + this.offset; }

  monotonic() { return (this.virtual ? this.nowMs : real.monotonic()) + this.monotonicBase; }

  install() {
    const time = this;
    const now = () => Math.floor(time.now());
    RealDate.now = now;
    const VirtualDate = new Proxy(RealDate, {
      construct: (target, args, newTarget) =>
        Reflect.construct(target, args.length ? args : [now()], newTarget === VirtualDate ? target : newTarget),
      apply: () => new RealDate(now()).toString(),
    });
    RealDate.prototype.constructor = VirtualDate;
    globalThis.Date = VirtualDate;

    Object.defineProperty(performance, 'now', { value: () => time.monotonic(), configurable: true, writable: true });
    const bigint = () => BigInt(Math.round(time.monotonic() * 1e6));
    const hrtime = (since) => {
      const nanos = bigint() - (since ? BigInt(since[0]) * 1000000000n + BigInt(since[1]) : 0n);
      return [Number(nanos / 1000000000n), Number(nanos % 1000000000n)];
    };
    hrtime.bigint = bigint;
    process.hrtime = hrtime;

    const functions = {
      setTimeout: (callback, delay, ...args) => time.start(real.setTimeout, callback, delay, args, false),
      setInterval: (callback, delay, ...args) => time.start(real.setInterval, callback, delay, args, true),
      clearTimeout: (timer) => time.clear(real.clearTimeout, timer),
      clearInterval: (timer) => time.clear(real.clearInterval, timer),
    };
    this.setters = { setTimeout: functions.setTimeout, setInterval: functions.setInterval };
    // util.promisify(setTimeout) asks for these.
    const custom = require('util').promisify.custom;
    const wait = (delay, value, options) => time.wait(delay, value, options);
    Object.defineProperty(functions.setTimeout, custom, { value: wait, enumerable: true });
    Object.assign(globalThis, functions);
    Object.assign(nodeTimers, functions);

    const realWait = timerPromises.setTimeout, realEvery = timerPromises.setInterval;
    timerPromises.setTimeout = (delay, value, options) =>
      (time.virtual ? time.wait(delay, value, options) : realWait(delay, value, options));
    timerPromises.setInterval = (delay, value, options) =>
      (time.virtual ? time.every(delay, value, options) : realEvery(delay, value, options));
    if (timerPromises.scheduler) {
      timerPromises.scheduler.wait = (delay, options) => timerPromises.setTimeout(delay, undefined, options);
    }
    const realAbort = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = (delay) => {
      if (!time.virtual) return realAbort(delay);
      const controller = new AbortController();
      const text = 'The operation was aborted due to timeout';
      globalThis.setTimeout(() => controller.abort(new DOMException(text, 'TimeoutError')), delay).unref();
      return controller.signal;
    };
    syncBuiltinESMExports();
  }

  start(plain, callback, delay, args, repeat) {
    if (!this.virtual || typeof callback !== 'function' || calledByNode(this.setters)) {
      return plain(callback, delay, ...args);
    }
    let wanted = Math.trunc(Number(delay)) || 0;
    if (!(wanted >= 1) || wanted > LONGEST_TIMEOUT_MS) wanted = 1; // as Node does
    if (wanted <= AT_ONCE_MS && !repeat) wanted = 0;
    return new VirtualTimer(this, callback, wanted, args, repeat);
  }

  clear(plain, timer) {
    const virtual = timer instanceof VirtualTimer ? timer : this.timers.get(Number(timer));
    if (virtual && (timer === virtual || typeof timer !== 'object')) virtual.close();
    else plain(timer);
  }

  wait(delay, value, options = {}) {
    const { signal, ref = true } = options || {};
    return new Promise((resolve, reject) => {
      const abort = () => {
        globalThis.clearTimeout(timer);
        reject(Object.assign(new Error('The operation was aborted', { cause: signal.reason }),
          { name: 'AbortError', code: 'ABORT_ERR' }));
      };
      const timer = globalThis.setTimeout(() => {
        signal?.removeEventListener('abort', abort);
        resolve(value);
      }, delay);
      if (!ref) timer.unref?.();
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  async* every(delay, value, options) {
    while (true) {
      await this.wait(delay, value, options);
      yield value;
    }
  }

  // ── timers ──

  add(timer) {
    this.place(timer);
    timer.live = true;
    this.timers.set(timer.id, timer);
    this.check();
  }

  place(timer) {
    timer.due = this.nowMs + timer.delay;
    timer.dueSeconds = this.nowSeconds + timer.delay / 1000;
    timer.order = (this.order += 1);
  }

  remove(timer) {
    timer.live = false;
    if (this.timers.delete(timer.id)) this.check();
  }

  earliest() {
    let first = null;
    for (const timer of this.timers.values()) {
      if (first === null || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) first = timer;
    }
    return first;
  }

  /** Runs what is due, one timer a turn, so that promises settle in between as they do in Node. */
  runDue() {
    const timer = this.earliest();
    if (timer === null || timer.due > this.nowMs) return this.check();
    if (timer.repeat) {
      this.place(timer);
    } else {
      timer.live = false;
      this.timers.delete(timer.id);
    }
    real.setImmediate(() => this.runDue());
    timer.callback(...timer.args);
  }

  /** Looks, once everything at hand has run, whether only timers are left to wait for. */
  check() {
    this.balance();
    if (this.checking || !this.virtual || !this.asking) return;
    this.checking = true;
    real.setImmediate(() => {
      this.checking = false;
      this.look();
    });
  }

  look(graceOver = false) { // two at once would each take the other's turn for somebody's work, for ever
    const waits = this.virtual && this.asking;
    const first = waits ? this.earliest() : null;
    if (first === null && !(waits && this.calls > 0)) return this.withdraw();
    // Without a timer nobody sleeps, and who waits outside waits for a call.
    const { due, dueSeconds } = first ?? { due: Infinity, dueSeconds: Infinity };
    if (due <= this.nowMs) return this.runDue();
    if (this.announced !== null && this.announced.due === due) return undefined;
    const found = this.work.look(this.calls);
    if (found === TURNING) return this.check();
    if (found === IDLE || (graceOver && found !== BUSY)) return this.announce(due, dueSeconds);
    if (this.grace === null) {
      this.grace = real.setTimeout(() => {
        this.grace = null;
        this.look(true);
      }, REAL_WORK_GRACE_MS);
      this.grace.unref();
    }
    return undefined;
  }

  announce(due, dueSeconds) {
    if (this.announced !== null) {
      if (this.announced.due === due) return;
      this.withdraw();
    }
    this.sleeper = (this.sleeper + 1) >>> 0;
    this.announced = { sleeper: this.sleeper, due, dueSeconds };
    this.send(this.sleeper, dueSeconds);
  }

  withdraw() {
    if (this.announced !== null) this.send(this.announced.sleeper, CANCELLED);
    this.announced = null;
  }

  /** The loop must live while a referenced timer waits. */
  balance() {
    let wanted = false;
    if (this.virtual && this.asking) {
      for (const timer of this.timers.values()) if (timer.referenced) { wanted = true; break; }
    }
    this.hold(wanted);
  }
}

/** Node's own code (fetch, for one) bounds real work with its timers; they stay real. */
function calledByNode(setters) {
  const { stackTraceLimit, prepareStackTrace } = Error;
  const probe = {};
  Error.stackTraceLimit = 1;
  Error.prepareStackTrace = (_, frames) => frames[0]?.getFileName() ?? '';
  try {
    Error.captureStackTrace(probe, setters.setTimeout);
    let file = probe.stack;
    if (file === '') {
      Error.captureStackTrace(probe, setters.setInterval);
      file = probe.stack;
    }
    return typeof file === 'string' && file.startsWith('node:');
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  }
}

module.exports = { Time, real };
