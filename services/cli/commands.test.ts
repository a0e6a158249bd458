import { describe, expect, test } from "vitest";
import { runCommand } from "./commands.ts";
import { createTestCommandLine } from "./test-command-line.ts";

const cli = createTestCommandLine();

describe("the command line", () => {
  test.each([["--help"], ["-h"], ["serve", "--help"], ["restore", "-h"], ["restore", "a", "--help"]])(
    "%j shows how it is used",
    async (...words) => {
      expect(await runCommand(words, cli.env)).toBe(0);
      expect(cli.printed).toContain("Usage: parley <command>");
    },
  );

  test("--version shows the version", async () => {
    expect(await runCommand(["--version"], cli.env)).toBe(0);
    expect(cli.printed).toMatch(/^\d+\.\d+\.\d+\n/);
  });

  test.each([
    [[], "which command?"],
    [["srve"], 'there is no command "srve": did you mean serve?'],
    [["frobnicate"], 'there is no command "frobnicate"\n'],
    [["serve", "--port=1"], "--port"],
    [["serve", "mesage"], 'there is no service "mesage": did you mean message?'],
    [["doctor", "gatway"], 'there is no service "gatway": did you mean gateway?'],
    [["migrate", "now"], 'parley migrate takes no arguments, but there is "now"'],
    [["backup"], "takes the folder to make"],
    [["backup", "a", "b"], "takes the folder to make"],
    [["restore"], "the folder of one backup, or --in-place"],
    [["restore", "a", "--in-place"], "takes the data that is there"],
    [["restore", "a", "--force"], "--force"],
  ])("%j is refused with exit code 2", async (words, message) => {
    expect(await runCommand(words, cli.env)).toBe(2);
    expect(cli.printed).toContain(message);
  });

  test.each(["serve", "migrate"])("%s lists all that is wrong with the configuration", async (command) => {
    const wrong = { PARLEY_DATABASE_URL: "sqlite:", PARLEY_HTTP_PORT: "web" };
    expect(await runCommand([command], wrong)).toBe(78);
    expect(cli.printed).toContain("PARLEY_DATABASE_URL");
    expect(cli.printed).toContain('PARLEY_HTTP_PORT is "web": it should be an integer from 0 to 65535');
  });

  test("serve lists what the named services lack", async () => {
    expect(await runCommand(["serve", "room", "auth"], { PARLEY_DATABASE_URL: `sqlite:${cli.folder}` })).toBe(
      78,
    );
    for (const name of ["PARLEY_MESSAGE_URL", "PARLEY_MESH_SECRET", "PARLEY_KEY_ENCRYPTION_SECRET"])
      expect(cli.printed).toContain(`${name} is missing`);
  });
});

describe("migrate", () => {
  test("makes the databases, and then has nothing to do", async () => {
    expect(await runCommand(["migrate"], cli.env)).toBe(0);
    expect(cli.printed).toMatch(/auth: at \S+, ([1-9]\d*) of \1 applied now/);
    expect(cli.printed).toMatch(/room: at \S+, ([1-9]\d*) of \1 applied now/);
    expect(cli.printed).toMatch(/message: at \S+, ([1-9]\d*) of \1 applied now/);
    cli.printed = "";
    expect(await runCommand(["migrate"], cli.env)).toBe(0);
    expect(cli.printed).toMatch(/message: at \S+, 0 of [1-9]\d* applied now/);
  });
});
