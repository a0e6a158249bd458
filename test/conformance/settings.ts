import { type Topology, topologies } from "../stack.ts";
import type { Surface } from "./clients/client.ts";
import { connectJson, grpcWeb } from "./clients/connect.ts";
import { grpcJs } from "./clients/grpc-js.ts";
import { rest } from "./clients/rest.ts";

/** Where a suite runs: a topology, called through one surface. */
export interface Setting extends Topology {
  readonly surface: Surface;
}

/** Those of different framing and encoding; `surfaces.test.ts` compares all there are, call by call. */
const suiteSurfaces = [rest, connectJson, grpcWeb, grpcJs];

/** For suites that say what calls answer: every topology through every surface. */
export const settings: readonly Setting[] = topologies.flatMap(({ name, start }) =>
  suiteSurfaces.map((surface) => ({ name: `${name}, ${surface.name}`, start, surface })),
);
