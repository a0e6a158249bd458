import type {
  AnyDesc,
  DescEnum,
  DescEnumValue,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescService,
} from "@bufbuild/protobuf";

export type Commented = DescService | DescMethod | DescMessage | DescField | DescEnum | DescEnumValue;

/** The comment before a declaration, its lines joined; "" where there is none. */
export type Comments = (desc: Commented) => string;

/** Comments of descriptors that come from an image with source info. */
export function createComments(): Comments {
  const files = new Map<DescFile, Map<string, string>>();

  return (desc) => {
    const file = fileOf(desc);
    const comments = files.get(file) ?? commentsOf(file);
    files.set(file, comments);
    return comments.get(pathOf(desc).join(".")) ?? "";
  };
}

function commentsOf(file: DescFile): Map<string, string> {
  const locations = file.proto.sourceCodeInfo?.location ?? [];
  return new Map(
    locations
      .filter(({ leadingComments }) => leadingComments !== "")
      .map(({ path, leadingComments }) => [
        path.join("."),
        leadingComments.trim().replace(/\n[ \t]*(?!\n)/g, " "),
      ]),
  );
}

function fileOf(desc: Commented): DescFile {
  return "file" in desc ? desc.file : desc.parent.file;
}

/** Where a declaration is in its FileDescriptorProto: field numbers and indices in turn, as SourceCodeInfo has it. */
function pathOf(desc: Exclude<AnyDesc, DescFile> & Commented): number[] {
  switch (desc.kind) {
    case "service":
      return [6, desc.file.proto.service.indexOf(desc.proto)];
    case "rpc":
      return [...pathOf(desc.parent), 2, desc.parent.proto.method.indexOf(desc.proto)];
    case "message":
      return desc.parent
        ? [...pathOf(desc.parent), 3, desc.parent.proto.nestedType.indexOf(desc.proto)]
        : [4, desc.file.proto.messageType.indexOf(desc.proto)];
    case "field":
      return [...pathOf(desc.parent), 2, desc.parent.proto.field.indexOf(desc.proto)];
    case "enum":
      return desc.parent
        ? [...pathOf(desc.parent), 4, desc.parent.proto.enumType.indexOf(desc.proto)]
        : [5, desc.file.proto.enumType.indexOf(desc.proto)];
    case "enum_value":
      return [...pathOf(desc.parent), 2, desc.parent.proto.value.indexOf(desc.proto)];
  }
}
