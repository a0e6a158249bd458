import { Code, ConnectError } from "@connectrpc/connect";

/** A stream of one item. */
export async function* only<T>(item: T): AsyncGenerator<T> {
  yield item;
}

/** The one item of a stream that has but one. Throws INVALID_ARGUMENT for a stream of none. */
export async function first<T>(items: AsyncIterable<T>): Promise<T> {
  for await (const item of items) return item;
  throw new ConnectError("the request is missing", Code.InvalidArgument);
}
