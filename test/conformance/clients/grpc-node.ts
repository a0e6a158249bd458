import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import type { Surface } from "./client.ts";
import { createTransportClient } from "./connect.ts";

/** gRPC by connect-node, over HTTP/2. */
export const grpcNode: Surface = {
  name: "gRPC, connect-node",
  async connect({ grpcUrl }) {
    const sessionManager = new Http2SessionManager(grpcUrl);
    const transport = createGrpcTransport({ baseUrl: grpcUrl, sessionManager });
    return createTransportClient({
      transport,
      distorted: transport,
      close: async () => sessionManager.abort(),
    });
  },
};
