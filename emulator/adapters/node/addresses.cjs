// Addresses of deployed APIs that a handler builds from its event, as on AWS: `https://{domainName}/{stage}`, by which
// handlers of WebSocket APIs reach their clients. Here that name has no TLS, and on many machines no resolver knows it.
// Only names that end with `.localhost`, which no other machine has, are led to the emulator, which knows the API by
// the Host header. The same goes for answers of custom resources: their URL is the emulator's, and code that is written
// for AWS sends them by TLS, to no port. And for buckets, which the SDK for JavaScript names before the host
// (`bucket.localhost`), a name that many machines cannot resolve. It is done where AWS's SDKs ask, in `http` and `https`, and once a function loads one of them.
'use strict';

const Module = require('module');

const ANSWER = /^\/cloudformation-(custom-resource-response|waitcondition)-[a-z0-9-]+\//;
const API = /^[a-z0-9]+\.execute-api\.[a-z0-9-]+\.localhost$/;

/** What to ask the emulator in place of a request with these options; null if the request is not for an API here. */
function led(options, endpoint) {
  if (!options || typeof options !== 'object') return null;
  const [name, written] = String(options.hostname || options.host || '').split(':');
  if (name === endpoint.hostname && ANSWER.test(String(options.path || options.pathname))) {
    return { ...options, protocol: 'http:', port: endpoint.port, agent: undefined, defaultPort: undefined };
  }
  const port = options.port || written;
  const isApi = API.test(name);
  const isBelow = name.endsWith(`.${endpoint.hostname}`) && String(port || '') === endpoint.port;
  if (!isApi && (!isBelow || options.protocol === 'https:')) return null;
  const headers = { ...options.headers };
  if (!Object.keys(headers).some((key) => key.toLowerCase() === 'host')) headers.Host = port ? `${name}:${port}` : name;
  if (!isApi) return { ...options, headers, host: endpoint.hostname, hostname: endpoint.hostname };
  return {
    ...options, headers, protocol: 'http:', host: endpoint.hostname, hostname: endpoint.hostname, port: endpoint.port,
    agent: undefined, defaultPort: undefined, servername: undefined,
  };
}

/** The options of `request(options)` and of `request(url, options)`. */
function asked(first, second) {
  if (typeof first !== 'string' && !(first instanceof URL)) return first;
  const url = new URL(first), given = second && typeof second === 'object' ? second : {};
  const own = { protocol: url.protocol, hostname: url.hostname, port: url.port, path: url.pathname + url.search };
  return { ...own, ...given };
}

function lead(module, plain, endpoint) {
  const { request } = module;
  module.request = function (...given) {
    let options = null;
    try {
      options = led(asked(...given), endpoint);
    } catch { /* no URL: Node says so */ }
    if (options === null) return request.apply(this, given);
    return plain(options, given.find((one) => typeof one === 'function'));
  };
  module.get = function (...given) {
    const sent = module.request(...given);
    sent.end();
    return sent;
  };
  Module.syncBuiltinESMExports();
}

function install(url) {
  if (!url) return;
  const endpoint = new URL(url), load = Module._load, led = new Set();
  Module._load = function (name, ...rest) {
    const loaded = load.call(this, name, ...rest);
    const kind = name === 'node:https' ? 'https' : name === 'node:http' ? 'http' : name;
    if ((kind === 'http' || kind === 'https') && !led.has(kind)) {
      led.add(kind);
      lead(loaded, kind === 'http' ? loaded.request : load.call(this, 'http').request, endpoint);
    }
    return loaded;
  };
}

module.exports = { install };
