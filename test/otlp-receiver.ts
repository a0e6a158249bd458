import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** A span as OTLP carries it, as far as tests look at it. Ids are hexadecimal. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the root of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  /** Ids of the spans that it is linked to. */
  readonly links: readonly string[];
  readonly bytes: Buffer;
}

/** A collector that takes traces by OTLP over HTTP, in Protobuf. */
export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** All that came, to look for what must not be in it. */
  readonly raw: () => Buffer;
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    bodies.push(body);
    if (request.url === "/v1/traces") spans.push(...spansOf(body));
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    raw: () => Buffer.concat(bodies),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** ExportTraceServiceRequest.resource_spans[].scope_spans[].spans[], by the field numbers of opentelemetry-proto. */
function spansOf(request: Buffer): ReceivedSpan[] {
  const spans = fields(request, 1).flatMap((resource) =>
    fields(resource, 2).flatMap((scope) => fields(scope, 2)),
  );
  return spans.map((span) => ({
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    parentSpanId: hex(span, 4),
    name: fields(span, 5)[0]?.toString() ?? "",
    links: fields(span, 13).map((link) => hex(link, 2)),
    bytes: span,
  }));
}

/** The values of a length-delimited field. */
function fields(message: Buffer, number: number): Buffer[] {
  const reader = new BinaryReader(message);
  const found: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === number && type === WireType.LengthDelimited) found.push(Buffer.from(reader.bytes()));
    else reader.skip(type, field);
  }
  return found;
}

function hex(message: Buffer, number: number): string {
  return fields(message, number)[0]?.toString("hex") ?? "";
}
