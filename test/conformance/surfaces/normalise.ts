/** What differs from one play of a scenario to the next. */
export interface Own {
  /** Of usernames and display names. */
  readonly prefix: string;
  /** People by id. */
  readonly names: ReadonlyMap<string, string>;
}

const secrets = new Set(["accessToken", "refreshToken", "code", "nextPageToken", "epoch"]);
const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** The username of who was given none. */
const madeUp = /^user-[0-9a-f]{20}$/;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** The answer with ids, times, names and secrets replaced, so that two plays of a scenario can be compared. */
export function normalise(value: unknown, own: Own, key = ""): unknown {
  if (Array.isArray(value)) return value.map((each) => normalise(each, own, key));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, normalise(each, own, name)]),
    );
  if (typeof value !== "string") return value;
  if (time.test(value)) return "<time>";
  if (madeUp.test(value)) return "<made up>";
  if (secrets.has(key) && value !== "") return "<secret>";
  return value.replaceAll(own.prefix, "<prefix>").replace(uuid, (id) => `<${own.names.get(id) ?? "id"}>`);
}
