import { dropTestDatabases, testServer } from "./test-place.ts";

/** Once for a run of the tests on a server. */
export function teardown(): Promise<void> {
  return testServer === undefined ? Promise.resolve() : dropTestDatabases(testServer);
}
