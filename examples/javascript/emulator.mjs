// A world of the emulator, for tests in JavaScript. No packages: copy this file.
//
//     const world = await World.begin();
//     after(() => world.end());
//     await world.clock("advance", { seconds: 60 });

const URL_OF_EMULATOR = process.env.EMULATOR_URL ?? "http://localhost:4566";

export class World {
  /** An AWS account that nobody else uses. Time is frozen, and moves while somebody waits for an answer. */
  static async begin(url = URL_OF_EMULATOR) {
    const world = new World(url, "");
    world.account = (await world.ask("POST", "worlds")).account; // first: when it ends, time passes as it did before
    await world.clock("freeze");
    await world.clock("auto");
    return world;
  }

  constructor(url, account) {
    this.url = url;
    this.account = account;
  }

  /** Nothing of it runs on. */
  async end() {
    await this.ask("DELETE", `worlds/${this.account}`);
  }

  /** What `/_emulator/{path}` answers: `GET /_emulator/docs` has all of it. */
  async ask(method, path, body, query = {}) {
    const url = new URL(`${this.url}/_emulator/${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const answer = await fetch(url, { method, body: body && JSON.stringify(body) });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.message);
    return said;
  }

  /** freeze, advance {seconds}, next, settle, scale {factor}, resume, auto {wanted}. Returns the state of the clock. */
  clock(action, more = {}) {
    const mine = action === "settle" ? { account: this.account } : {};
    return this.ask("POST", "clock", { action, ...mine, ...more });
  }

  async now() {
    return (await this.ask("GET", "clock")).now;
  }

  async attempts(name) {
    return (await this.ask("GET", "attempts", undefined, { account: this.account, function: name })).attempts;
  }

  async inbox(query = {}) {
    return (await this.ask("GET", "inbox", undefined, { account: this.account, ...query })).messages;
  }

  /** One more thing that goes wrong: docs/time-and-faults.md has every fault. */
  fault(fault) {
    return this.ask("POST", "faults", fault, { account: this.account });
  }

  async timeline() {
    return (await this.ask("GET", "timeline", undefined, { account: this.account })).events;
  }

  /** For AWS's SDK: `new SQSClient(world.sdk)`. */
  get sdk() {
    const credentials = { accessKeyId: this.account, secretAccessKey: "test" };
    return { endpoint: this.url, region: "us-east-1", credentials };
  }

  /** A request to an AWS API without the SDK; the emulator asks for no signature, only for whose request it is. */
  async aws(service, method, path, body, headers = {}) {
    const credential = `${this.account}/20260101/us-east-1/${service}/aws4_request`;
    const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=${"0".repeat(64)}`;
    const answer = await fetch(this.url + path, {
      method,
      headers: { authorization, "content-type": "application/json", ...headers },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${service} ${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : {};
  }
}
