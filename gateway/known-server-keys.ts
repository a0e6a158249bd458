import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { Access, access } from "#gen/parley/options/v1/options_pb.js";
import { hashServerKey, isServerKey } from "../services/common/auth/server-key.ts";
import { reasonOf } from "../services/common/errors.ts";

/**
 * Server keys that a service has accepted, by their hash, as far as rates need to know: learned from calls that they
 * made, forgotten when a call with them is refused. It lets nobody in: the services check each call.
 */
export interface KnownServerKeys {
  /** The key's name in counts, if the header carries a good one. */
  known(authorization: string | undefined): string | undefined;
  /** The same promise; takes note of what its outcome says of the key. */
  learn<T>(method: DescMethod, authorization: string | undefined, call: Promise<T>): Promise<T>;
}

const maxKeys = 1_000;

export function createKnownServerKeys(): KnownServerKeys {
  /** In the order in which they were learned. */
  const good = new Set<string>();

  function add(key: string): void {
    good.add(key);
    if (good.size > maxKeys) good.delete(good.values().next().value!);
  }

  return {
    known(authorization) {
      const key = good.size === 0 ? undefined : keyOf(authorization);
      return key !== undefined && good.has(key) ? key : undefined;
    },

    async learn(method, authorization, call) {
      if (getOption(method, access) !== Access.SERVER_KEY) return call;
      const key = keyOf(authorization);
      if (key === undefined) return call;
      try {
        const answer = await call;
        add(key);
        return answer;
      } catch (error) {
        if (refusals.has(reasonOf(error))) good.delete(key);
        throw error;
      }
    },
  };
}

/** What says that a key is no good, or not for this. */
const refusals = new Set<string | undefined>(["UNAUTHENTICATED", "TOKEN_EXPIRED"]);

function keyOf(authorization: string | undefined): string | undefined {
  const key = /^bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  return key !== undefined && isServerKey(key) ? hashServerKey(key).toString("base64") : undefined;
}
