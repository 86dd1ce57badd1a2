import { strict as assert } from "node:assert";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serveHost } from "../../../automation/containers/hostServer";
import { userError } from "../../../automation/errors";

describe("the container host's server", () => {
  let server: Server;
  let ended = 0;
  const host = {
    invoke: async (text: string) => {
      if (text === "bad") throw userError("ImageUriInvalid", "a tag");
      if (text === "worse") throw new TypeError("a bug");
      return { payload: text, log: "" };
    },
    endBusy: async () => void ended++,
  };
  const call = async (path: string, options: { method?: string; body?: string; token?: string } = {}) => {
    const { method = "POST", body = "{}", token = "secret" } = options;
    const { port } = server.address() as AddressInfo;
    return fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      body: method === "GET" ? undefined : body,
      headers: { authorization: `Bearer ${token}` },
    });
  };

  before(async () => {
    server = serveHost(host, "secret");
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  it("answers those who know the token, and nobody else", async () => {
    const answer = await call("/invoke", { body: '{"a":1}' });
    assert.deepEqual(await answer.json(), { payload: '{"a":1}', log: "" });
    for (const token of ["", "secreT", "secret2", "secre"]) {
      assert.equal((await call("/invoke", { token })).status, 401);
      assert.equal((await call("/end", { token })).status, 401);
    }
    assert.equal(ended, 0);
    assert.equal((await call("/end")).status, 200);
    assert.equal(ended, 1);
  });

  it("does nothing else", async () => {
    for (const path of ["/", "/invoke/../x", "/health"]) assert.equal((await call(path)).status, 404);
    assert.equal((await call("/invoke", { method: "GET" })).status, 404);
    assert.equal(
      (await call("/invoke", { body: "x".repeat(33 * 2 ** 20) }).catch(() => ({ status: 413 }))).status,
      413,
    );
  });

  it("what goes wrong is a function's error, with its code", async () => {
    const log = console.error;
    console.error = () => undefined;
    try {
      const known = (await (await call("/invoke", { body: "bad" })).json()) as { payload: string; errorType: string };
      assert.equal(known.errorType, "ImageUriInvalid");
      assert.deepEqual(JSON.parse(known.payload), { errorType: "ImageUriInvalid", errorMessage: "a tag" });
      const bug = (await (await call("/invoke", { body: "worse" })).json()) as { errorType: string };
      assert.equal(bug.errorType, "ContainerFailed");
    } finally {
      console.error = log;
    }
  });
});
