// Response streaming: the global `awslambda`, and the stream that such a handler writes to.
'use strict';

const { Writable } = require('stream');

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const INTEGRATION_RESPONSE = 'application/vnd.awslambda.http-integration-response';
const PRELUDE_ENDS = Buffer.alloc(8);

class ResponseStream extends Writable {
  constructor(send) {
    super();
    this.send = send;
    this.prelude = null;
    this.contentType = undefined;
  }

  setContentType(contentType) { this.contentType = contentType; }

  _write(chunk, encoding, done) {
    this.begin();
    if (chunk.length) this.send(chunk);
    done();
  }

  _final(done) {
    this.begin();
    done();
  }

  begin() {
    const prelude = this.prelude;
    this.prelude = null;
    if (prelude !== null) this.send(Buffer.concat([Buffer.from(JSON.stringify(prelude)), PRELUDE_ENDS]));
  }
}

function install() {
  globalThis.awslambda = {
    streamifyResponse(handler, options) {
      handler[STREAMING] = 'response';
      if (options && options.highWaterMark !== undefined) handler[Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')] = options.highWaterMark;
      return handler;
    },
    HttpResponseStream: class HttpResponseStream {
      static from(stream, prelude) {
        stream.setContentType(INTEGRATION_RESPONSE);
        stream.prelude = prelude;
        return stream;
      }
    },
  };
}

module.exports = { ResponseStream, STREAMING, install };
