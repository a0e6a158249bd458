import { type Stack, topologies } from "../stack.ts";
import type { Surface } from "./clients/client.ts";
import { connectJson, grpcWeb } from "./clients/connect.ts";
import { grpcJs } from "./clients/grpc-js.ts";
import { rest } from "./clients/rest.ts";
import { sharedStack } from "./shared-stack.ts";

/** Where a suite runs: a topology, called through one surface. */
export interface Setting {
  readonly name: string;
  readonly surface: Surface;
  /** The file's stack of that topology, which ends with the file. */
  running(): Promise<Stack>;
}

/** Those of different framing and encoding; `surfaces.test.ts` compares all there are, call by call. */
const suiteSurfaces = [rest, connectJson, grpcWeb, grpcJs];

/** For suites that say what calls answer: every topology through every surface. */
export const settings: readonly Setting[] = topologies.flatMap((topology) =>
  suiteSurfaces.map((surface) => ({
    name: `${topology.name}, ${surface.name}`,
    surface,
    running: () => sharedStack(topology),
  })),
);
