import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema, ServerFrameSchema } from "#gen/parley/realtime/v1/frames_pb.js";
import { unavailableError } from "./errors.ts";
import { clientFrame, type LinkHandlers, type OpenLink } from "./frames.ts";

/** The ref of the hello. */
export const helloRef = "hello";

export function createWebSocketLinks(baseUrl: string): OpenLink {
  return (greeting, accessToken, handlers) => {
    const socket = openSocket(baseUrl);
    socket.binaryType = "arraybuffer";
    let wasOpen = false;
    let isOver = false;
    socket.onopen = () => {
      wasOpen = true;
      const hello = clientFrame({ case: "hello", value: { ...greeting, accessToken } }, helloRef);
      socket.send(toBinary(ClientFrameSchema, hello));
    };
    socket.onmessage = ({ data }) => {
      if (isOver) return;
      if (!receive(data, handlers)) end("the server sent what is no frame");
    };
    // Says nothing but that it closes, which follows.
    socket.onerror = () => {};
    socket.onclose = ({ code }) =>
      end(wasOpen ? `the connection closed (${code})` : "no WebSocket to the server");

    function end(message: string): void {
      if (isOver) return;
      isOver = true;
      socket.close();
      handlers.onEnd(unavailableError(message));
    }

    return {
      transport: "websocket",
      isTwoWay: true,
      send(frame) {
        if (socket.readyState === WebSocket.OPEN) socket.send(toBinary(ClientFrameSchema, frame));
      },
      close() {
        isOver = true;
        socket.close();
      },
    };
  };
}

/** Begins to open one, on which frames are binary. */
export function openSocket(baseUrl: string): WebSocket {
  return new WebSocket(`${baseUrl.replace(/^http/, "ws")}/v1/realtime`, "parley.v1.proto");
}

/** Whether it was a frame. */
function receive(data: unknown, handlers: LinkHandlers): boolean {
  if (!(data instanceof ArrayBuffer)) return false;
  let frame: Parameters<LinkHandlers["onFrame"]>[0];
  try {
    frame = fromBinary(ServerFrameSchema, new Uint8Array(data));
  } catch {
    return false;
  }
  handlers.onFrame(frame);
  return true;
}
