import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, test } from "node:test";
import { World } from "./emulator.mjs";

const CODE = fileURLToPath(new URL("./functions/render", import.meta.url));
let world;

beforeEach(async () => {
  world = await World.begin();
  await world.aws("lambda", "POST", "/2015-03-31/functions", {
    FunctionName: "render",
    Runtime: "nodejs20.x",
    Handler: "index.handler",
    Role: `arn:aws:iam::${world.account}:role/render`,
    Timeout: 60,
    Code: { S3Bucket: "hot-reload", S3Key: CODE }, // runs the folder as it is: docs/hot-reload.md
  });
});
afterEach(() => world.end());

const invoke = (event, type = "RequestResponse") =>
  world.aws("lambda", "POST", "/2015-03-31/functions/render/invocations", event, { "x-amz-invocation-type": type });

test("a report that fails is tried again after one minute and after two", async () => {
  await world.fault({ function: "render", fault: "error", times: 2 });
  const begun = await world.now();
  await invoke({ report: 7 }, "Event");
  await world.clock("settle");
  const attempts = await world.attempts("render");
  assert.deepEqual(attempts.map((each) => each.outcome), ["function_error", "function_error", "success"]);
  assert.deepEqual(attempts.map((each) => Math.round(each.started_at - begun)), [0, 60, 180]);
});

test("a slow report takes its time, and this test takes none", async () => {
  const begun = await world.now();
  assert.deepEqual(await invoke({ report: 8, seconds: 45 }), { rendered: 8 });
  assert.equal((await world.now()) - begun, 45);
});

test("what happened can be read in its order", async () => {
  await invoke({ report: 9 }, "Event");
  await world.clock("settle");
  const texts = (await world.timeline()).map((event) => event.text);
  assert.ok(texts.some((text) => text.includes("rendering report 9")), texts.join("\n"));
});
