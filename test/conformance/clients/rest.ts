import type { Answer } from "./answer.ts";
import { undecodableText } from "./answer.ts";
import { type Binding, bindingsOf, toHttp } from "./bindings.ts";
import type { Call, CallClient, Method, Surface } from "./client.ts";
import { contracts } from "./contracts.ts";

/** fetch, as any program that has read api.md would use it. */
export const rest: Surface = { name: "REST", connect: async ({ url }) => createRestClient(url) };

function createRestClient(url: string): CallClient {
  const bindings = new Map<Method, Binding>(bindingsOf(contracts).map((each) => [each.method, each]));

  async function call({ method, request, token, undecodable, timeoutMs }: Call): Promise<Answer | undefined> {
    const binding = bindings.get(method);
    if (binding === undefined || timeoutMs !== undefined || (undecodable && !binding.hasBody))
      return undefined;
    const { verb, path, body } = toHttp(binding, request);
    return fetchAnswer(url + path, {
      method: verb,
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: undecodable ? undecodableText : JSON.stringify(body) }),
    });
  }
  return { call, close: async () => {} };
}

/** What REST answered. */
export async function fetchAnswer(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  return {
    status: response.status,
    body: text === "" ? undefined : JSON.parse(text),
    headers: response.headers,
  };
}
