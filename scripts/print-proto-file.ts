import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";

/**
 * Prints a proto2 file from its descriptor: messages, enums, extensions and their numbers, without comments, and without
 * options, which reading and writing messages does not need. Maps, groups and defaults are refused, since what is printed
 * would not mean the same.
 */
export function printProtoFile(file: FileDescriptorProto): string {
  if (file.syntax !== "proto2" && file.syntax !== "") throw new Error(`${file.name} is not proto2`);
  const lines = ['syntax = "proto2";', `package ${file.package};`];
  for (const imported of file.dependency) lines.push(`import "${imported}";`);
  for (const each of file.enumType) lines.push(...printEnum(each));
  for (const each of file.messageType) lines.push(...printMessage(each));
  for (const each of file.extension) lines.push(`extend ${each.extendee} {`, `  ${printField(each)}`, "}");
  return `${lines.join("\n")}\n`;
}

function printEnum(type: EnumDescriptorProto): string[] {
  return [`enum ${type.name} {`, ...type.value.map((value) => `  ${value.name} = ${value.number};`), "}"];
}

function printMessage(type: DescriptorProto): string[] {
  if (type.options?.mapEntry) throw new Error(`${type.name} is a map entry`);
  const body = [
    ...type.enumType.flatMap(printEnum),
    ...type.nestedType.flatMap(printMessage),
    ...type.field.filter((field) => !isInOneof(field)).map(printField),
    ...type.oneofDecl.flatMap((oneof, index) => [
      `oneof ${oneof.name} {`,
      ...type.field
        .filter((field) => isInOneof(field) && field.oneofIndex === index)
        .map((field) => `  ${printField(field)}`),
      "}",
    ]),
    ...type.reservedRange.map((range) => `reserved ${printRange(range.start, range.end)};`),
    ...type.reservedName.map((name) => `reserved "${name}";`),
    ...type.extensionRange.map((range) => `extensions ${printRange(range.start, range.end)};`),
  ];
  return [`message ${type.name} {`, ...body.map((line) => `  ${line}`), "}"];
}

function isInOneof(field: FieldDescriptorProto): boolean {
  return Object.hasOwn(field, "oneofIndex") && !field.proto3Optional;
}

function printField(field: FieldDescriptorProto): string {
  if (field.type === Type.GROUP) throw new Error(`${field.name} is a group`);
  if (field.defaultValue !== "") throw new Error(`${field.name} has a default`);
  const labels: Record<number, string> = {
    [Label.OPTIONAL]: "optional ",
    [Label.REQUIRED]: "required ",
    [Label.REPEATED]: "repeated ",
  };
  const label = isInOneof(field) ? "" : labels[field.label];
  const type = field.typeName === "" ? Type[field.type].toLowerCase() : field.typeName;
  return `${label}${type} ${field.name} = ${field.number};`;
}

/** Descriptors' ends are exclusive. */
function printRange(start: number, end: number): string {
  const max = 536_870_911;
  if (end > max) return `${start} to max`;
  return end - 1 > start ? `${start} to ${end - 1}` : `${start}`;
}
