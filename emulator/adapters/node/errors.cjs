// Errors as AWS's Node.js runtimes tell them: the payload for the caller and the object for the log.
'use strict';

const util = require('util');

/** A failure that Lambda itself names. */
class Fault extends Error {
  constructor(type, message) {
    super(message);
    this.name = type;
  }
}

function isError(value) {
  return util.types.isNativeError(value) || value instanceof Error;
}

/** `{errorType, errorMessage, trace}` [R:test_uncaught_exception_invoke]. */
function payload(error) {
  try {
    if (isError(error)) {
      return { errorType: String(error.name), errorMessage: String(error.message), trace: stack(error) };
    }
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    const text = 'callback called with Error argument, but there was a problem while retrieving one or more of its ' +
      'message, name, and stack';
    return { errorType: 'handled', errorMessage: text };
  }
}

function stack(error) {
  return typeof error.stack === 'string' ? error.stack.split('\n') : [];
}

/** What the log shows: type, message, code, the error's own properties, and the stack at the end. */
function forLog(error) {
  if (!isError(error)) return error;
  const { errorType, errorMessage, trace } = payload(error);
  const shown = { errorType, errorMessage };
  if (error.code !== undefined) shown.code = error.code;
  for (const key of Object.keys(error)) {
    if (!(key in shown) && key !== 'name') shown[key] = error[key];
  }
  shown.stack = trace;
  return shown;
}

/** JSON for the log, whatever the error holds. */
function logJson(error) {
  try {
    return JSON.stringify(forLog(error), (key, value) => (key && isError(value) ? forLog(value) : value));
  } catch {
    return JSON.stringify(payload(error));
  }
}

module.exports = { Fault, forLog, isError, logJson, payload };
