/** `node test/python/prepare.ts`: makes the Python environment that some suites need, once. */
import { preparePython, pythonFolder } from "./environment.ts";

await preparePython();
console.log(`Python for tests is in ${pythonFolder}`);
