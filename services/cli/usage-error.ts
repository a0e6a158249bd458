/** The command line is not one of Parley's. */
export class UsageError extends Error {}
