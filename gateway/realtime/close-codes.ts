/** Why the server ends a connection: the close code, a constant reason, and whether coming back with one's cursors helps. */
export interface CloseCause {
  readonly code: number;
  /** Constant, for programs. */
  readonly reason: string;
  /** The same token and cursors may be used again. */
  readonly resumable: boolean;
}

/** The catalogue of api.md, complete. 1009 (frame too large) is sent by the WebSocket layer, without a goodbye. */
export const closeCauses = {
  shuttingDown: { code: 4000, reason: "SHUTTING_DOWN", resumable: true },
  helloRefused: { code: 4001, reason: "HELLO_REFUSED", resumable: false },
  helloLate: { code: 4001, reason: "HELLO_TIMEOUT", resumable: true },
  helloMissing: { code: 4001, reason: "HELLO_MISSING", resumable: false },
  /** The hello was right, but a part of the server it needs did not answer. */
  unavailable: { code: 4001, reason: "UNAVAILABLE", resumable: true },
  tokenInvalid: { code: 4002, reason: "TOKEN_INVALID", resumable: false },
  tokenExpired: { code: 4003, reason: "TOKEN_EXPIRED", resumable: true },
  sessionEnded: { code: 4004, reason: "SESSION_ENDED", resumable: false },
  badFrame: { code: 4005, reason: "BAD_FRAME", resumable: false },
  tooManyRefusedFrames: { code: 4006, reason: "TOO_MANY_REFUSED_FRAMES", resumable: false },
  noHeartbeat: { code: 4007, reason: "NO_HEARTBEAT", resumable: true },
  policy: { code: 4008, reason: "POLICY", resumable: true },
} as const satisfies Record<string, CloseCause>;
