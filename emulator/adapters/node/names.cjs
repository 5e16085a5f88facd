// Names that no resolver knows: AWS's SDKs send StartSyncExecution and TestState to `sync-` before the endpoint's host,
// which on AWS is a name of its own and here is the endpoint itself. Fetch and sockets ask `dns.lookup`, too.
'use strict';

const dns = require('dns');

const PREFIX = 'sync-';

function install(endpoint) {
  if (!endpoint) return;
  const host = new URL(endpoint).hostname, lookup = dns.lookup;
  dns.lookup = function (name, ...rest) {
    return lookup.call(this, name === PREFIX + host ? host : name, ...rest);
  };
}

module.exports = { install };
