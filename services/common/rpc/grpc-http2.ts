import {
  constants,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Server, ServerDuplexStream } from "@grpc/grpc-js";
import { grpcStatusOf } from "./grpc-status.ts";
import { isEndless } from "./timeouts.ts";

/**
 * What a public port needs of HTTP/2 and grpc-js has no option for. It reaches into two private fields of its server,
 * which a test of each of these rules watches over.
 */
interface Internals {
  readonly commonServerOptions: ServerOptions;
  readonly http2Servers: ReadonlyMap<Http2Server, unknown>;
  readonly handlers: ReadonlyMap<string, unknown>;
}

const limits = {
  /** Bytes of a call's headers, an access token among them. */
  maxHeaderListSize: 16 * 1024,
  maxHeaderListPairs: 100,
  maxSessionInvalidFrames: 100,
};
/** A connection says what it is within this time, in ms. */
const prefaceTimeoutMs = 10_000;
/** Pings that a connection may send at once, and so many more each second; under calls they measure, and cost less. */
const pings = { burst: 100, perSecond: 10, costUnderCalls: 0.01 };

/** No service has this name, so no call but the misguided ones comes here. */
const unknownMethod = "/-/-";

/** To be called before the server is given a way to be reached. */
export function limitHttp2(server: Server): void {
  const { commonServerOptions: options } = server as unknown as Internals;
  const { maxHeaderListSize, ...others } = limits;
  Object.assign(options, others, { settings: { ...options.settings, maxHeaderListSize } });
  server.register(
    unknownMethod,
    answerUnknown,
    () => Buffer.alloc(0),
    () => null,
    "bidi",
  );
}

/** To be called once it can be. */
export function guardHttp2(server: Server): void {
  const { http2Servers, handlers } = server as unknown as Internals;
  for (const http2 of http2Servers.keys()) {
    http2.on("session", guardSession);
    // Before grpc-js, which reads the same headers.
    http2.prependListener("stream", (_: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      if (!handlers.has(headers[":path"] ?? "")) headers[":path"] = unknownMethod;
      // Eight digits and a unit are all that gRPC knows; the rest is left to be refused.
      const timeout = String(headers["grpc-timeout"]);
      if (/^\d{1,8}[HMSmun]$/.test(timeout) && isEndless(timeout)) delete headers["grpc-timeout"];
    });
  }
}

function answerUnknown(call: ServerDuplexStream<unknown, unknown>): void {
  call.emit("error", grpcStatusOf(new ConnectError("there is no such method", Code.Unimplemented)));
}

function guardSession(session: ServerHttp2Session): void {
  const timer = setTimeout(() => session.destroy(), prefaceTimeoutMs).unref();
  session.once("remoteSettings", () => clearTimeout(timer));
  session.once("close", () => clearTimeout(timer));

  let calls = 0;
  session.on("stream", (stream) => {
    calls += 1;
    stream.once("close", () => {
      calls -= 1;
    });
  });

  let left = pings.burst;
  let last = performance.now();
  session.on("ping", () => {
    const now = performance.now();
    left = Math.min(pings.burst, left + ((now - last) * pings.perSecond) / 1000);
    last = now;
    left -= calls > 0 ? pings.costUnderCalls : 1;
    if (left >= 0 || session.destroyed) return;
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from("too_many_pings"));
    session.destroy();
  });
}
