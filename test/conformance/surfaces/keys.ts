import { getOption } from "@bufbuild/protobuf";
import { expect, vi } from "vitest";
import { AdminService } from "#gen/parley/admin/v1/admin_service_pb.js";
import { server_key_scope } from "#gen/parley/options/v1/options_pb.js";
import type { RunningStack } from "../../stack.ts";
import { createApi, reasonOf } from "../api.ts";
import { serverKeyFor } from "../server-key.ts";

/** Server keys, which belong to no surface. */
export interface Keys {
  /** For every call. */
  readonly good: string;
  /** For the calls of one scope alone, by the scope. */
  readonly byScope: ReadonlyMap<string, string>;
  readonly expired: string;
}

export async function keysFor(stack: RunningStack): Promise<Keys> {
  const scopes = [...new Set(AdminService.methods.map((method) => getOption(method, server_key_scope)))];
  const scoped = async (scope: string) => [scope, await serverKeyFor(stack, "--scopes", scope)] as const;
  const [good, expired, ...byScope] = await Promise.all([
    serverKeyFor(stack),
    serverKeyFor(stack, "--expires", "1s"),
    ...scopes.map(scoped),
  ]);
  const { call } = createApi(stack.url);
  await vi.waitFor(async () => {
    const { body } = await call("POST", "/v1/admin/users:ensure", { token: expired, body: {} });
    expect(reasonOf(body)).toBe("TOKEN_EXPIRED");
  }, 5000);
  return { good, expired, byScope: new Map(byScope) };
}
