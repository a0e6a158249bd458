/** `mssql://user:password@host/master`, of a login that may make databases; the tests that need it are skipped without. */
export const sqlServer = process.env.PARLEY_TEST_MSSQL_URL || undefined;
