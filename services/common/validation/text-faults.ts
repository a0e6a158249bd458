import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { isReflectMessage, type Path, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { isText } from "./text.ts";

/** Where in a message, however deep, there are strings that aren't text. Keys of maps are found as their entries. */
export function findTextFaults<D extends DescMessage>(schema: D, message: MessageShape<D>): Path[] {
  return [...faultsOfMessage(reflect(schema, message), [])];
}

function* faultsOfMessage(message: ReflectMessage, path: Path): Generator<Path> {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const here: Path = [...path, field];
    switch (field.fieldKind) {
      case "scalar":
        yield* faultsOfValue(message.get(field), here);
        break;
      case "message":
        yield* faultsOfMessage(message.get(field), here);
        break;
      case "list": {
        let index = 0;
        for (const item of message.get(field))
          yield* faultsOfValue(item, [...here, { kind: "list_sub", index: index++ }]);
        break;
      }
      case "map":
        for (const [key, value] of message.get(field)) {
          const entry: Path = [...here, { kind: "map_sub", key: key as string | number | bigint | boolean }];
          if (typeof key === "string" && !isText(key)) yield entry;
          else yield* faultsOfValue(value, entry);
        }
        break;
    }
  }
}

function* faultsOfValue(value: unknown, path: Path): Generator<Path> {
  if (typeof value === "string") {
    if (!isText(value)) yield path;
  } else if (isReflectMessage(value)) {
    yield* faultsOfMessage(value, path);
  }
}
