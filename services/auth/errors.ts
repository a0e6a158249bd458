import { DomainError } from "../common/errors.ts";

/** Someone has the name. */
export class UsernameTakenError extends DomainError {
  constructor() {
    super({ reason: "USERNAME_TAKEN", message: "the username is taken" });
  }
}

/** Unknown username or wrong password: which of them is not told. */
export class WrongCredentialsError extends DomainError {
  constructor() {
    super({ reason: "WRONG_CREDENTIALS", message: "the username or the password is wrong" });
  }
}

/** A refresh token came back after its successor was used, or too late: someone else may have it. */
export class RefreshTokenReusedError extends DomainError {
  constructor() {
    super({
      reason: "REFRESH_TOKEN_REUSED",
      message: "the refresh token was used before, so its session was ended",
    });
  }
}

/** No session of the caller's. */
export class SessionNotFoundError extends DomainError {
  constructor() {
    super({ reason: "SESSION_NOT_FOUND", message: "there is no such session" });
  }
}

/** Nobody has that id. */
export class UserNotFoundError extends DomainError {
  constructor() {
    super({ reason: "USER_NOT_FOUND", message: "there is no such user" });
  }
}

/** The server key is good, but not for this. */
export class ScopeMissingError extends DomainError {
  constructor(scope: string) {
    super({ reason: "ROLE_TOO_LOW", message: `the server key lacks the scope ${scope}` });
  }
}

/** What Auth needs of the key-encryption secret isn't there or doesn't fit. Auth can't start; says what to do. */
export class KeyEncryptionSecretError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "KeyEncryptionSecretError";
  }
}
