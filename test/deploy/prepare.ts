/** `node test/deploy/prepare.ts`: makes what the checks of deploy/ need, once. */
import { deployTools } from "./tools.ts";

await deployTools.prepare();
console.log(`Tools for deploy/ are in ${deployTools.folder}`);
