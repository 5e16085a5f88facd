// The frames between the emulator and this process; runtime/wire.py is the other end and explains them.
'use strict';

const HEADER_BYTES = 5;
const TICK_BYTES = 12;
const CALL_ENDS = 0, CALL_BEGINS = 0xFFFFFFFF, CANCELLED = -1;
const INVOKE = 2;
const READY = 11, INIT_FAILED = 12, RESULT = 13, FAILED = 14, BROKEN = 15, CHUNK = 16;

/** One frame: length, kind, body. */
function frame(kind, ...parts) {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(parts.reduce((size, part) => size + part.length, 0), 0);
  header.writeUInt8(kind, 4);
  return Buffer.concat([header, ...parts]);
}

/** Starts every answer: the largest resident size so far, KiB. */
function usage() {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(process.resourceUsage().maxRSS, 0);
  return buffer;
}

/** Cuts a byte stream into frames. */
class Frames {
  constructor(onFrame) {
    this.onFrame = onFrame;
    this.pending = [];
    this.size = 0;
    this.needed = HEADER_BYTES;
  }

  feed(data) {
    this.pending.push(data);
    this.size += data.length;
    while (this.size >= this.needed) {
      let buffer = this.pending.length === 1 ? this.pending[0] : Buffer.concat(this.pending);
      const whole = HEADER_BYTES + buffer.readUInt32LE(0);
      if (this.size < whole) {
        this.pending = [buffer];
        this.needed = whole;
        return;
      }
      const kind = buffer.readUInt8(4);
      const body = buffer.subarray(HEADER_BYTES, whole);
      buffer = buffer.subarray(whole);
      this.pending = buffer.length ? [buffer] : [];
      this.size = buffer.length;
      this.needed = HEADER_BYTES;
      this.onFrame(kind, body);
    }
  }
}

function tick(sleeper, due) {
  const buffer = Buffer.alloc(TICK_BYTES);
  buffer.writeUInt32LE(sleeper, 0);
  buffer.writeDoubleLE(due, 4);
  return buffer;
}

/** Cuts a byte stream into ticks. */
class Ticks {
  constructor(onTick) {
    this.onTick = onTick;
    this.pending = Buffer.alloc(0);
  }

  feed(data) {
    this.pending = this.pending.length ? Buffer.concat([this.pending, data]) : data;
    while (this.pending.length >= TICK_BYTES) {
      const sleeper = this.pending.readUInt32LE(0);
      const now = this.pending.readDoubleLE(4);
      this.pending = this.pending.subarray(TICK_BYTES);
      this.onTick(sleeper, now);
    }
  }
}

module.exports = {
  CALL_BEGINS, CALL_ENDS, CANCELLED, INVOKE, READY, INIT_FAILED, RESULT, FAILED, BROKEN, CHUNK, Frames, Ticks, frame, tick, usage,
};
