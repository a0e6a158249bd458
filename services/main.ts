#!/usr/bin/env node
/** The `parley` command. The only place that reads the environment. */
import { runCommand } from "./cli/commands.ts";

const exitCode = await runCommand(process.argv.slice(2), process.env);
// And not only its code: after a start that failed, nothing left open may keep the process.
if (exitCode !== undefined) process.exit(exitCode);
