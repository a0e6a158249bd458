#!/usr/bin/env node
/** The `parley` command. The only place that reads the environment. */
import { runCommand } from "./cli/commands.ts";

const exitCode = await runCommand(process.argv.slice(2), process.env);
if (exitCode !== undefined) process.exitCode = exitCode;
