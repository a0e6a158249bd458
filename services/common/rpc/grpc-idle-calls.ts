import { constants, type ServerHttp2Stream } from "node:http2";
import type {
  Metadata,
  MethodDefinition,
  ServerInterceptingCall,
  ServerInterceptingCallInterface,
} from "@grpc/grpc-js";
import { UnavailableError } from "../errors.ts";
import { grpcStatusOf } from "./grpc-status.ts";

/**
 * Knows the calls that a server which closes would wait for in vain: those whose one message has not come whole, so that
 * no handler has them, and those that watch its health, which end with it alone.
 */
export interface GrpcIdleCalls {
  intercept(
    method: Pick<MethodDefinition<unknown, unknown>, "path" | "requestStream">,
    call: ServerInterceptingCallInterface,
  ): ServerInterceptingCall;
  /** Ends them as UNAVAILABLE, so that their clients come back elsewhere. */
  end(): void;
}

const watchPath = "/grpc.health.v1.Health/Watch";

export function createGrpcIdleCalls(): GrpcIdleCalls {
  const idle = new Set<ServerInterceptingCallInterface>();

  return {
    intercept({ path, requestStream }, call) {
      if (!requestStream) idle.add(call);
      const start = call.start.bind(call);
      call.start = (listener) =>
        start({
          onReceiveMetadata: (metadata: Metadata) => listener.onReceiveMetadata(metadata),
          onReceiveMessage: (message: unknown) => listener.onReceiveMessage(message),
          onReceiveHalfClose() {
            if (path !== watchPath) idle.delete(call);
            listener.onReceiveHalfClose();
          },
          // Comes at the end of every call, answered or not.
          onCancel() {
            idle.delete(call);
            listener.onCancel();
          },
        });
      // The type names the class of one implementation, where any will do.
      return call as ServerInterceptingCall;
    },
    end() {
      const status = grpcStatusOf(new UnavailableError("the server is shutting down"));
      for (const call of idle) {
        call.sendStatus(status);
        // A client that doesn't end its side would keep the connection. A private field, which a test watches over.
        const { stream } = call as unknown as { stream: ServerHttp2Stream };
        if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
      }
      idle.clear();
    },
  };
}
