import {
  ColumnNode,
  type CompiledQuery,
  type DeleteQueryNode,
  type InsertQueryNode,
  type LimitNode,
  MssqlQueryCompiler,
  OutputNode,
  type QueryId,
  ReferenceNode,
  type ReturningNode,
  type RootOperationNode,
  SelectAllNode,
  SelectionNode,
  type SelectQueryNode,
  TableNode,
  TopNode,
  type UpdateQueryNode,
  ValueNode,
} from "kysely";

/** The server takes 2,100, and the call itself has two. */
const maxParameters = 2000;

/**
 * Queries as they are written for both databases, in T-SQL: `limit` becomes FETCH or TOP, `returning` becomes OUTPUT,
 * nulls are written out (a parameter has a type, and a null text is none for a column of bytes), and where there would
 * be too many parameters the values are.
 */
export class ParleyMssqlQueryCompiler extends MssqlQueryCompiler {
  #literal = false;

  override compileQuery(node: RootOperationNode, queryId: QueryId): CompiledQuery {
    const compiled = super.compileQuery(node, queryId);
    if (compiled.parameters.length <= maxParameters) return compiled;
    this.#literal = true;
    try {
      return super.compileQuery(node, queryId);
    } finally {
      this.#literal = false;
    }
  }

  protected override visitSelectQuery(node: SelectQueryNode): void {
    const { limit, orderBy, ...rest } = node;
    if (limit === undefined || orderBy !== undefined) super.visitSelectQuery(node);
    else super.visitSelectQuery({ ...rest, top: TopNode.create(countOf(limit)) });
  }

  /** Only after an `order by`, of which it is a part. */
  protected override visitLimit(node: LimitNode): void {
    this.append("offset 0 rows fetch next ");
    this.visitNode(node.limit);
    this.append(" rows only");
  }

  protected override visitInsertQuery({ returning, ...node }: InsertQueryNode): void {
    super.visitInsertQuery(returning ? { ...node, output: toOutput(returning, "inserted") } : node);
  }

  protected override visitUpdateQuery({ returning, ...node }: UpdateQueryNode): void {
    super.visitUpdateQuery(returning ? { ...node, output: toOutput(returning, "inserted") } : node);
  }

  protected override visitDeleteQuery({ returning, ...node }: DeleteQueryNode): void {
    super.visitDeleteQuery(returning ? { ...node, output: toOutput(returning, "deleted") } : node);
  }

  protected override appendValue(value: unknown): void {
    if (value === null || value === undefined) this.append("null");
    else if (this.#literal) this.append(toLiteral(value));
    else super.appendValue(value);
  }
}

function countOf({ limit }: LimitNode): number {
  if (!ValueNode.is(limit)) throw new TypeError("a limit must be a number");
  return Number(limit.value);
}

function toOutput({ selections }: ReturningNode, table: "inserted" | "deleted"): OutputNode {
  return OutputNode.create(
    selections.map(({ selection }) => {
      if (SelectAllNode.is(selection)) return SelectionNode.createSelectAllFromTable(TableNode.create(table));
      if (!ReferenceNode.is(selection) && !ColumnNode.is(selection)) {
        throw new TypeError("only columns can be returned");
      }
      const column = ColumnNode.is(selection) ? selection : selection.column;
      return SelectionNode.create(ReferenceNode.create(column as ColumnNode, TableNode.create(table)));
    }),
  );
}

function toLiteral(value: unknown): string {
  if (typeof value === "string") return `N'${value.replaceAll("'", "''")}'`;
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
  throw new TypeError(`a ${typeof value} can't be written as T-SQL`);
}
