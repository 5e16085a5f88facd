// Whether this process has real work under way beside its timers: AWS time must not move past that.
//
// Files, names, connections being made and child processes are work. A socket is work while it waits for an answer; a
// request that the emulator serves may itself need AWS time, so its socket counts as waiting: the emulator tells of such
// calls. Node says what keeps its event loop alive, and the rest is seen from what sockets have read since they wrote.
'use strict';

const net = require('net');

const UNHEARD_CALL_MS = 1000; // A request of which the emulator does not tell; longer than one is on its way.
const LONGEST_ANSWER_MS = 30000; // A socket that has not been answered for so long only ever writes (a log shipper).
const QUIET = new Set([
  'TCPSocketWrap', 'TLSWrap', 'PipeWrap', 'TTYWrap', 'TCPServerWrap', 'PipeServerWrap', 'UDPWrap', 'MessagePort',
  'Timeout', 'Immediate', 'SignalWrap', 'FSEventWrap', 'StatWatcher',
]);
const READ_AT_WRITE = Symbol('bytesRead at the last write');
const WROTE_AT = Symbol('host time of the last write');
const SEEN = Symbol('bytesRead at the last look');
const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

const IDLE = 0, // nothing but timers
  SOON = 1, // something that may just be on its way
  BUSY = 2, // real work
  TURNING = 3; // the event loop has callbacks at hand

function isUnanswered(socket) {
  return socket[READ_AT_WRITE] !== undefined && socket.bytesRead === socket[READ_AT_WRITE];
}

class Work {
  /** `own`: our channels; `endpoint`: the emulator's URL; `hostNow()`: host time in ms. */
  constructor(own, endpoint, hostNow) {
    this.own = new Set(own);
    this.hostNow = hostNow;
    try {
      this.port = Number(new URL(endpoint).port);
    } catch {
      this.port = NaN;
    }
  }

  install() {
    const { hostNow } = this;
    for (const name of ['_write', '_writev']) {
      const plain = net.Socket.prototype[name];
      net.Socket.prototype[name] = function write(...values) {
        this[READ_AT_WRITE] = this.bytesRead;
        this[WROTE_AT] = hostNow();
        return plain.apply(this, values);
      };
    }
  }

  /** `calls`: how many requests of ours the emulator serves now. */
  look(calls) {
    const names = process.getActiveResourcesInfo();
    if (names.includes('Immediate')) return TURNING;
    if (names.some((name) => !QUIET.has(name))) return BUSY;
    let found = IDLE;
    for (const handle of process._getActiveHandles()) {
      if (this.own.has(handle) || !(handle instanceof net.Socket)) continue;
      if (calls > 0 && this.isEmulators(handle) && isUnanswered(handle)) calls -= 1;
      else found = Math.max(found, this.socket(handle));
    }
    return found;
  }

  isEmulators(socket) {
    return !socket.connecting && socket.remotePort === this.port && LOOPBACK.has(socket.remoteAddress);
  }

  socket(socket) {
    if (socket.connecting) return BUSY;
    if (socket.remotePort === undefined) return IDLE; // a pipe: whoever is at its other end is a child process
    const own = this.isEmulators(socket);
    const waited = isUnanswered(socket) ? this.hostNow() - socket[WROTE_AT] : Infinity;
    if (waited < (own ? UNHEARD_CALL_MS : LONGEST_ANSWER_MS)) return BUSY;
    if (own) return SOON;
    const moved = socket.bytesRead !== socket[SEEN];
    socket[SEEN] = socket.bytesRead;
    return moved ? SOON : IDLE;
  }
}

module.exports = { Work, IDLE, SOON, BUSY, TURNING };
