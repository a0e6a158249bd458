import {
  create,
  createFileRegistry,
  type DescMessage,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { bufferOf } from "../buffers.ts";

/**
 * Values of records: the bytes of messages, each as `toBinary` makes them. That begins with a small buffer for each
 * message, which it makes anew as it grows and copies at the end; half of what encoding cost was that. So many messages
 * are encoded as one list, in one buffer, and taken out of it.
 */
export function encodeValues<D extends DescMessage>(
  schema: D,
  messages: readonly MessageShape<D>[],
): Buffer[] {
  const list = listOf(schema);
  const values: Buffer[] = [];
  for (let from = 0; from < messages.length; from += maxList) {
    const message = { $typeName: list.typeName, items: messages.slice(from, from + maxList) };
    const reader = new BinaryReader(toBinary(list, message));
    while (reader.pos < reader.len) {
      reader.tag();
      values.push(bufferOf(reader.bytes()));
    }
  }
  return values;
}

/** More would be hardly cheaper, and is memory at once: a message of a timeline may have 32 kB. */
const maxList = 64;
const lists = new WeakMap<DescMessage, DescMessage>();

function listOf(schema: DescMessage): DescMessage {
  const known = lists.get(schema);
  if (known !== undefined) return known;
  const made = makeList(schema);
  lists.set(schema, made);
  return made;
}

/** The type of a message that has nothing but a list of messages of this type. */
function makeList({ file, typeName }: DescMessage): DescMessage {
  const items = {
    name: "items",
    number: 1,
    label: FieldDescriptorProto_Label.REPEATED,
    type: FieldDescriptorProto_Type.MESSAGE,
    typeName: `.${typeName}`,
  };
  const listFile = create(FileDescriptorProtoSchema, {
    name: "list.proto",
    syntax: "proto3",
    dependency: [file.proto.name],
    messageType: [{ name: "List", field: [items] }],
  });
  return createFileRegistry(listFile, () => file).getMessage("List")!;
}
