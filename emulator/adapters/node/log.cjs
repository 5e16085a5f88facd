// What `console` writes: one record is one log event, in AWS's text format or as JSON.
// Deliberately leaves process.stdout alone: what is written there is one event a line.
'use strict';

const fs = require('fs');
const util = require('util');
const errors = require('./errors.cjs');

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const METHODS = { trace: 'TRACE', debug: 'DEBUG', log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' };
const LOG_FD = 1;
const PAUSE_MS = 1;

class Log {
  /** `mark` frames records in the log pipe (runtime/wire.py). */
  constructor({ mark, format, level }) {
    this.mark = mark ? '\0' + mark : null;
    this.json = format === 'JSON';
    this.least = level ? Math.max(0, LEVELS.indexOf(level.toUpperCase())) : 0;
    this.requestId = undefined;
    this.isoNow = () => new Date().toISOString();
  }

  install() {
    for (const [method, level] of Object.entries(METHODS)) {
      console[method] = (...values) => {
        if (method === 'trace') {
          const trace = { name: 'Trace', message: util.format(...values) };
          Error.captureStackTrace(trace, console.trace);
          values = [trace.stack];
        }
        this.write(level, values);
      };
    }
  }

  write(level, values) {
    if (LEVELS.indexOf(level) < this.least) return;
    this.record(this.json ? this.asJson(level, values) : this.asText(level, util.format(...values)));
  }

  /** An error of the runtime: `ERROR\tInvoke Error \t{…}`. */
  failure(title, error) {
    const level = 'ERROR';
    this.record(this.json ? this.asJson(level, [error]) : this.asText(level, `${title} \t${errors.logJson(error)}`));
  }

  asText(level, message) {
    return `${this.isoNow()}\t${this.requestId}\t${level}\t${message}\n`;
  }

  asJson(level, values) {
    const record = { timestamp: this.isoNow(), level, requestId: this.requestId };
    const [only] = values;
    if (values.length === 1 && errors.isError(only)) {
      const { errorType, errorMessage, trace } = errors.payload(only);
      record.message = { errorType, errorMessage, stackTrace: trace };
    } else if (values.length === 1 && typeof only !== 'string') {
      record.message = only;
    } else {
      record.message = util.format(...values);
      const error = values.find(errors.isError);
      if (error) {
        const { errorType, errorMessage, trace } = errors.payload(error);
        Object.assign(record, { errorType, errorMessage, stackTrace: trace });
      }
    }
    try {
      return JSON.stringify(record) + '\n';
    } catch {
      return JSON.stringify({ ...record, message: util.format(...values) }) + '\n';
    }
  }

  record(text) {
    const framed = this.mark === null
      ? text
      : `${this.mark}(${text.replaceAll('\n', this.mark + '\n')}${this.mark})\n`;
    let data = Buffer.from(framed);
    while (data.length) {
      try {
        data = data.subarray(fs.writeSync(LOG_FD, data));
      } catch (error) {
        if (error.code !== 'EAGAIN') return; // closed by the handler: nobody listens any more
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
      }
    }
  }
}

module.exports = { Log };
