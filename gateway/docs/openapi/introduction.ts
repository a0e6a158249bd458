/** What holds for every call. */
export const introduction = `A messaging backend: people, rooms, ordered timelines.

**JSON** is Protobuf JSON: names in lowerCamelCase, times as RFC 3339, durations as \`"3600s"\`, enums by name. Sequence
numbers are 64-bit and so strings; counts are numbers. Fields at their default are written; only those that are not
required here may be absent, and absence is not zero. Unknown fields are ignored, in requests by the server and in answers
by you. An empty query value is an absent one.

**Tokens** go into \`Authorization: Bearer\`, never into a URL. Bodies hold at most 128 KiB, unencoded, and are JSON whatever
their content type says.

**Errors** are a \`google.rpc.Status\` with a stable \`reason\`, which each operation lists by HTTP status. A path that is not
here answers \`ROUTE_NOT_FOUND\` (404), a method that a path does not take \`METHOD_NOT_ALLOWED\` (405). Every answer has an
\`x-request-id\`.

What is said arrives live over the WebSocket at \`/v1/realtime\`. The same calls are offered as gRPC, gRPC-Web and Connect;
\`buf generate <this server>/parley.binpb\` makes a client.`;
