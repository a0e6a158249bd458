import type { Tokens } from "#gen/parley/auth/v1/auth_pb.js";
import type { AuthService } from "#gen/parley/auth/v1/auth_service_pb.js";
import type { User } from "#gen/parley/user/v1/user_pb.js";
import type { UserService } from "#gen/parley/user/v1/user_service_pb.js";
import type { CallOptions, Client } from "./connect-protocol.ts";
import type { Live } from "./live.ts";
import { pagesOf } from "./pages.ts";
import type { SessionKeeper } from "./session.ts";
import type { Parley } from "./types.ts";
import type { Users } from "./users.ts";

type Account = Pick<Parley, "register" | "login" | "useTokens" | "logout" | "logoutEverywhere" | "users">;

export interface AccountDeps {
  readonly session: SessionKeeper;
  readonly auth: Client<typeof AuthService>;
  readonly users: Client<typeof UserService>;
  readonly people: Users;
  readonly live: Pick<Live, "forgetUnsent">;
  readonly deviceName: string | undefined;
}

/** Nobody waits longer to be signed out. */
const logoutTimeoutMs = 5_000;

/** Signing in and out. */
export function createAccount({ session, auth, users, people, live, deviceName }: AccountDeps): Account {
  const device = deviceName === undefined ? {} : { deviceName };

  async function signIn({ user, tokens }: { user?: User; tokens?: Tokens }): Promise<User> {
    await session.signIn(user!, tokens!);
    return user!;
  }

  async function signOut(): Promise<void> {
    const state = session.state.get();
    await session.signOut();
    if (state.status === "signedIn") await live.forgetUnsent(state.user.userId);
  }

  async function endOthers(options?: CallOptions): Promise<void> {
    for await (const { sessions } of pagesOf((page) => auth.listSessions(page, options))) {
      for (const { sessionId, current } of sessions)
        if (!current) await auth.revokeSession({ sessionId }, options);
    }
  }

  return {
    register: async (request, options) => signIn(await auth.register({ ...request, ...device }, options)),
    login: async (request, options) => signIn(await auth.login({ ...request, ...device }, options)),
    async useTokens(tokens, options) {
      const headers = new Headers(options?.headers);
      headers.set("authorization", `Bearer ${tokens.accessToken}`);
      const { user } = await users.getMe({}, { ...options, headers });
      await session.signIn(user!, tokens);
      return user!;
    },
    async logout(options) {
      // The session ends here in any case; there, it ends at the latest when its tokens do.
      await auth.logout({}, { timeoutMs: logoutTimeoutMs, ...options }).catch(() => {});
      await signOut();
    },
    async logoutEverywhere(options) {
      await endOthers(options);
      await auth.logout({}, options);
      await signOut();
    },
    users: {
      ...users,
      async updateMe(request, options) {
        const answer = await users.updateMe(request, options);
        if (answer.user) {
          people.learn(answer.user);
          await session.setUser(answer.user);
        }
        return answer;
      },
    },
  };
}
