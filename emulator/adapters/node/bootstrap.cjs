// A Node.js function's process: loads the handler, answers invocations over the control channel, reports errors as
// AWS's Node.js runtimes do. environment.py is the other end. Knows no pool and no timeout.
'use strict';

const net = require('net');
const { Fault, payload } = require('./errors.cjs');
const { Log } = require('./log.cjs');
const { Time, real } = require('./time.cjs');
const { ResponseStream, STREAMING, install: installStreaming } = require('./stream.cjs');
const { load } = require('./handler.cjs');
const { makeContext } = require('./context.cjs');
const { Work } = require('./work.cjs');
const wire = require('./wire.cjs');
const names = require('./names.cjs');
const addresses = require('./addresses.cjs');

const UNCAUGHT_EXIT = 129, UNHANDLED_EXIT = 128;
const CALLBACKS_REMOVED_IN = 24; // AWS's nodejs24.x takes no callback handlers and names promises that never settle
const exit = process.exit.bind(process);

class Runtime {
  constructor(config) {
    this.config = config;
    this.log = new Log(config.log);
    this.control = new net.Socket({ fd: config.control, readable: true, writable: true });
    this.ticks = new net.Socket({ fd: config.ticks, readable: true, writable: true });
    this.work = new Work([this.control, this.ticks], process.env.AWS_ENDPOINT_URL, real.monotonic);
    this.time = new Time(
      (sleeper, due) => this.ticks.write(wire.tick(sleeper, due)),
      (wanted) => (wanted ? this.ticks.ref() : this.ticks.unref()),
      this.work,
    );
    this.handler = null;
    this.finish = null; // ends the invocation that is under way
    this.whenIdle = null; // what to do when the event loop has nothing left
    this.modern = config.major >= CALLBACKS_REMOVED_IN;
  }

  async start() {
    const frames = new wire.Frames((kind, body) => this.onFrame(kind, body));
    const ticks = new wire.Ticks((sleeper, now) => this.time.wake(sleeper, now));
    this.control.on('data', (data) => frames.feed(data));
    this.ticks.on('data', (data) => ticks.feed(data));
    for (const channel of [this.control, this.ticks]) {
      channel.on('error', () => exit(0));
      channel.on('close', () => exit(0)); // the emulator is gone
    }
    this.control.unref(); // what the function loads keeps the event loop alive, not we
    names.install(process.env.AWS_ENDPOINT_URL);
    addresses.install(process.env.AWS_ENDPOINT_URL);
    this.work.install();
    this.time.install();
    this.time.begin(this.config.now, this.config.virtual);
    this.log.install();
    installStreaming();
    process.on('uncaughtException', (error) => this.broken('Uncaught Exception', error, UNCAUGHT_EXIT));
    process.on('unhandledRejection', (reason, promise) => this.rejected(reason, promise));
    process.on('beforeExit', () => this.idle());
    try {
      this.handler = await load(this.config.taskRoot, this.config.handler, this.config.required);
      if (this.modern && !this.handler[STREAMING] && this.handler.length >= 3) {
        throw new Fault('Runtime.CallbackHandlerDeprecated',
          'AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to ' +
          'modify this function to use a supported handler signature to use Node.js 24 or later. For more information ' +
          'see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.');
      }
    } catch (error) {
      this.explain(error);
      return this.broken('Uncaught Exception', error, UNCAUGHT_EXIT);
    }
    this.time.end();
    return this.answer(wire.READY, Buffer.alloc(0));
  }

  // ── invocations ──

  onFrame(kind, body) {
    if (kind !== wire.INVOKE) throw new Error(`unexpected frame ${kind}`);
    const length = body.readUInt32LE(0);
    const header = JSON.parse(body.subarray(4, 4 + length));
    this.log.requestId = header.id;
    if (header.trace) process.env._X_AMZN_TRACE_ID = header.trace;
    else delete process.env._X_AMZN_TRACE_ID;
    this.time.begin(header.now, header.virtual);
    this.control.unref(); // so that an event loop with nothing left to do is noticed
    const run = this.handler[STREAMING] ? this.stream : this.buffer;
    // A turn of its own: what the handler throws must not be taken for ours.
    real.setImmediate(() => run.call(this, header, body.subarray(4 + length)));
  }

  buffer(header, body) {
    let context;
    const finish = this.finish = once((error, result) => this.conclude(error, result));
    const callback = (error, result) => {
      if (this.finish !== finish) return;
      if (context.callbackWaitsForEmptyEventLoop && (error === undefined || error === null)) {
        this.whenIdle = () => finish(null, result);
      } else {
        finish(error, result);
      }
    };
    this.whenIdle = () => (this.modern ? finish(unsettled(), undefined) : finish(null, null));
    try {
      context = makeContext(header, this.modern ? null : finish);
      const result = this.handler(parse(body), context, callback);
      if (typeof result?.then === 'function') result.then((value) => finish(null, value), (error) => finish(failed(error)));
      else if (this.modern) finish(null, result);
    } catch (error) {
      finish(failed(error));
    }
  }

  stream(header, body) {
    const stream = new ResponseStream((chunk) => this.control.write(wire.frame(wire.CHUNK, Buffer.from(chunk))));
    const finish = this.finish = once((error) => this.conclude(error, undefined, true));
    let settled = false, finished = false;
    const complete = () => settled && finished && finish(null);
    stream.on('finish', () => { finished = true; complete(); });
    stream.on('error', (error) => finish(failed(error)));
    this.whenIdle = () => (stream.writableEnded ? finish(null) : finish(unsettled()));
    try {
      Promise.resolve(this.handler(parse(body), stream, makeContext(header, null))).then(
        () => { settled = true; complete(); }, (error) => finish(failed(error)));
    } catch (error) {
      finish(failed(error));
    }
  }

  conclude(error, result, streamed = false) {
    this.finish = this.whenIdle = null;
    if (error !== null && error !== undefined) {
      this.log.failure('Invoke Error', error);
      this.explain(error);
      return this.answer(wire.FAILED, encode(payload(error)));
    }
    if (streamed) return this.answer(wire.RESULT, Buffer.alloc(0));
    let body;
    try {
      body = Buffer.from(JSON.stringify(result === undefined ? null : result) ?? 'null');
    } catch {
      return this.conclude(new Error('Unable to stringify response body'));
    }
    const { bytes, otherwise } = this.config.largest;
    if (body.length > bytes) return this.answer(wire.FAILED, Buffer.from(otherwise));
    return this.answer(wire.RESULT, body);
  }

  answer(kind, body) {
    this.time.end();
    this.time.balance();
    this.control.ref();
    this.control.write(wire.frame(kind, wire.usage(), body));
  }

  /** The event loop has nothing left to do. */
  idle() {
    const next = this.whenIdle;
    this.whenIdle = null;
    if (next !== null) next();
  }

  // ── the end ──

  rejected(reason, promise) {
    const error = new Fault('Runtime.UnhandledPromiseRejection', reason === undefined ? 'undefined' : String(reason));
    error.reason = reason;
    error.promise = promise;
    this.broken('Unhandled Promise Rejection', error, UNHANDLED_EXIT);
  }

  /** An error that nobody caught: told to the caller if one waits, and the end of this process. */
  broken(title, error, code) {
    this.log.failure(title, error);
    this.explain(error);
    const kind = this.handler === null ? wire.INIT_FAILED : wire.BROKEN;
    const frame = wire.frame(kind, wire.usage(), encode(payload(error)));
    this.time.end();
    this.control.write(frame, () => exit(code));
  }

  /** AWS's runtimes bring the SDK; say so where it is missed. */
  explain(error) {
    const missing = /Cannot find (?:module|package) '(@aws-sdk\/[^']+|@smithy\/[^']+|aws-sdk)/.exec(error?.message ?? '');
    if (missing) {
      this.log.record(`[emulator] AWS's Node.js runtimes bring ${missing[1]} along, this emulator does not: install it ` +
        'into the package of the function (npm install) or into a layer\n');
    }
  }
}

function once(act) {
  let done = false;
  return (error, result) => {
    if (done) return;
    done = true;
    act(error, result);
  };
}

/** Whatever is thrown is an error, null and undefined too. */
function failed(error) {
  return error === undefined || error === null ? String(error) : error;
}

function unsettled() {
  return new Fault('Runtime.NodeJsExit',
    'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise ' +
    'that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes');
}

function parse(body) {
  return JSON.parse(body.toString('utf8'));
}

function encode(value) {
  return Buffer.from(JSON.stringify(value));
}

const { _EMULATOR_CHANNELS: channels, _EMULATOR_START: start, _HANDLER: handler } = process.env;
delete process.env._EMULATOR_CHANNELS;
delete process.env._EMULATOR_START;
const [control, ticks] = channels.split(' ').map(Number);
new Runtime({ ...JSON.parse(start), handler, control, ticks }).start();
