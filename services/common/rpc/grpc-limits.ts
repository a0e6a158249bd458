import type { ServerOptions } from "@grpc/grpc-js";

const minute = 60_000;

/** What a stranger may ask of a connection, and how long one is kept. */
export function publicServerOptions(maxMessage: number): ServerOptions {
  return {
    "grpc.max_receive_message_length": maxMessage,
    // Answers are as large as their pages.
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": 256,
    // A client that is gone without a word is noticed, and one without calls comes back when it has some.
    "grpc.keepalive_time_ms": minute,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.max_connection_idle_ms": 10 * minute,
    // So that a load balancer gets to spread clients anew. No stream outlives its access token's ten minutes.
    "grpc.max_connection_age_ms": 30 * minute,
    "grpc.max_connection_age_grace_ms": 11 * minute,
    // In MB.
    "grpc-node.max_session_memory": 32,
    "grpc.enable_channelz": 0,
  };
}

/** Between the processes of a mesh: few connections with many calls, some of which never end. */
export function meshServerOptions(): ServerOptions {
  return {
    // A batch of writes with the longest texts, a page of room changes.
    "grpc.max_receive_message_length": 64 * 1024 * 1024,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": 100_000,
    // A peer that hangs is noticed within 15 s, from both sides.
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
    "grpc-node.flow_control_window": 1024 * 1024,
    "grpc.enable_channelz": 0,
  };
}
