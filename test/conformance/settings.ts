import { type RunningStack, waysOver } from "../stack.ts";
import type { Surface } from "./clients/client.ts";
import { connectJson, grpcWeb } from "./clients/connect.ts";
import { grpcJs } from "./clients/grpc-js.ts";
import { rest } from "./clients/rest.ts";
import { sharedStack, sharedTopologies } from "./shared-stack.ts";

/** Where a suite runs: a topology, called through one surface. */
export interface Setting {
  readonly name: string;
  readonly surface: Surface;
  /** The stack of that topology, which others use, too. */
  running(): Promise<RunningStack>;
}

/** Those of different framing and encoding; `surfaces.test.ts` compares all there are, call by call. */
const suiteSurfaces = { all: [rest, connectJson, grpcWeb, grpcJs], essential: [rest, grpcJs] };

/** For suites that say what calls answer: every topology through every surface. */
export const settings: readonly Setting[] = sharedTopologies.flatMap((topology) =>
  waysOver(topology, suiteSurfaces).map((surface) => ({
    name: `${topology.name}, ${surface.name}`,
    surface,
    running: () => sharedStack(topology),
  })),
);
