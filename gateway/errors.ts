import { DomainError } from "../services/common/errors.ts";

/** No RPC has this path. */
export class RouteNotFoundError extends DomainError {
  constructor() {
    super({ reason: "ROUTE_NOT_FOUND", message: "there is nothing at this path" });
  }
}

/** The path exists for other methods. */
export class MethodNotAllowedError extends DomainError {
  constructor(allowed: readonly string[]) {
    super({ reason: "METHOD_NOT_ALLOWED", message: `this path takes ${allowed.join(", ")}` });
  }
}

/** A browser page of another origin wants to connect. */
export class OriginRefusedError extends DomainError {
  constructor() {
    super({ reason: "ORIGIN_REFUSED", message: "pages of this origin may not connect" });
  }
}

/** A signal for a room that the person is not in. */
export class RoomNotFoundError extends DomainError {
  constructor() {
    super({ reason: "ROOM_NOT_FOUND", message: "there is no such room" });
  }
}
