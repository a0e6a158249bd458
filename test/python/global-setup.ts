import { findPython, howToPrepare, preparePython } from "./environment.ts";

/** Tests in Python are required in CI; elsewhere they run where somebody prepared them. */
export async function setup(): Promise<void> {
  if (process.env.CI) await preparePython();
  else if (findPython() === undefined) console.log(`Python clients are skipped: ${howToPrepare}.`);
}
