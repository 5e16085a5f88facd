// The context object of a handler, with the functions of AWS's older programming model.
'use strict';

/** `header` is that of an INVOKE frame; `finish` has `done(error, result)` at once. */
function makeContext(header, finish) {
  const deadline = header.deadline;
  const most = deadline - Math.floor(header.now * 1000);
  const environment = process.env;
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: header.client ? JSON.parse(header.client) : undefined,
    identity: undefined,
    invokedFunctionArn: header.arn,
    awsRequestId: header.id,
    tenantId: header.tenant ?? undefined,
    // The clock may be a rounding behind the start of the invocation.
    getRemainingTimeInMillis: () => Math.min(deadline - Date.now(), most),
  };
  if (finish !== null) {
    context.succeed = (result) => finish(null, result);
    context.fail = (error) => finish(error === undefined || error === null ? 'handled' : error, undefined);
    context.done = (error, result) => finish(error, result);
  }
  return context;
}

module.exports = { makeContext };
