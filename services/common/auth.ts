import type { Logger } from "pino";
import type { RpcClients } from "./rpc/rpc.ts";

/** Whose access token a call or connection carries. */
export interface Caller {
  readonly userId: string;
  readonly sessionId: string;
  /** When the token expires, in ms since the epoch. */
  readonly expiresAt: number;
  readonly token: string;
}

/** Tells whose access tokens are, and follows which sessions end. One per process, shared by all services in it. */
export interface TokenVerifier {
  /** Throws UnauthenticatedError, TokenExpiredError or SessionRevokedError; UnavailableError without any keys yet. */
  verify(token: string): Promise<Caller>;
  /** The answer at once if the token was verified before and still stands. */
  cached(token: string): Caller | undefined;
  /** Whether the session is known to have ended. */
  isRevoked(sessionId: string): boolean;
  /** Calls the listener once for each session that ends from now on; answers how to stop that. */
  onRevoked(listener: (sessionId: string) => void): () => void;
  /** Follows the revocations until the signal aborts, whatever happens to Auth. */
  run(signal: AbortSignal): Promise<void>;
}

export interface TokenVerifierDeps {
  rpc: RpcClients;
  /** What `iss` must be. */
  issuer: string;
  logger: Logger;
}

export declare function createTokenVerifier(deps: TokenVerifierDeps): TokenVerifier;
